"use strict";

/* What every page has: its sections, and the choice of light or dark. */
const everyturn = {
  sections: {},

  /* An element with attributes and children; texts become text and nothing else. */
  element(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) {
        element.setAttribute(key, value === true ? "" : String(value));
      }
    }
    element.append(...children.flat());
    return element;
  },

  start() {
    everyturn.startTheme(document.getElementById("theme"));
    for (const root of document.querySelectorAll("[data-section]")) {
      const name = root.dataset.section;
      everyturn.sections[name](root, JSON.parse(document.getElementById(`${name}-data`).textContent));
    }
  },

  startTheme(button) {
    const choices = ["system", "light", "dark"];
    const isDark = window.matchMedia("(prefers-color-scheme: dark)");
    let at = Math.max(0, choices.indexOf(location.hash.slice(1)));
    const show = () => {
      const system = isDark.matches ? "dark" : "light";
      document.documentElement.dataset.theme = at === 0 ? system : choices[at];
      button.textContent = `Theme: ${choices[at]}`;
    };
    button.addEventListener("click", () => {
      at = (at + 1) % choices.length;
      show();
    });
    isDark.addEventListener("change", show);
    show();
  },
};
