"use strict";

everyturn.sections.conversations = (root, data) => {
  const element = everyturn.element;
  const part = (id) => root.querySelector(`#${id}`);
  const WORDS = 0;
  const CONTROL = 2;
  const MOST_CELLS = 20000;
  const MOST_INDENTS = 8;

  const TRAIN_ON = {
    all_assistant_messages: ["every assistant message", "Every assistant message is trained"],
    last_assistant_message: ["the last assistant message", "The last assistant message alone is trained"],
    last_assistant_turn: ["the last turn", "Every assistant message after the last user message is trained"],
    marked: ["marked messages", "The assistant messages with a weight of their own are trained"],
    all_tokens: ["all tokens", "Every token of the conversation is trained, whoever wrote it"],
  };
  const LAYOUTS = {
    per_turn: ["per_turn", "A sample for each trained message, after exactly the prompt that a server would send."],
    merged: ["merged", "The fewest samples in which each trained message follows exactly the prompt that a server would send."],
    tree: ["tree", "What the prompts have in common once, and each trained message on the branch where its prompt leaves the others."],
    conversation: ["conversation", "The conversation rendered once, with a mask, as most trainers do it."],
  };
  const VIEWS = {
    text: ["text", ""],
    tokens: ["tokens", "Each token in its own box; a dot is a space. Point at one for its id and position."],
    next: [
      "next token",
      "A label is at its own token. The model predicts a token at the position before it: the boxes with a thick " +
        "border are the positions whose output is trained, each followed by what it must predict.",
    ],
  };

  const state = { at: 0, layout: data.layout, trainOn: data.train_on, view: "text" };

  /* -- what is shown ------------------------------------------------------------------------------------------- */

  const conversation = () => data.conversations[state.at];

  function variant() {
    const of = conversation().variants;
    return (of[state.layout] || {})[state.trainOn];
  }

  /* The cells of a row: text, ids, who wrote them, whether they are trained and for which message. */
  function cellsOf(row) {
    const body = conversation().bodies[row.body];
    const cells = [];
    const stops = new Set(row.stops);
    let [token, start, run, inRun, stretch] = [0, 0, 0, 0, 0];
    for (let at = 0; token < row.tokens; at += 1) {
      const count = body.wide[at] === undefined ? 1 : body.wide[at];
      while (inRun >= body.runs[run][0]) {
        run += 1;
        inRun = 0;
      }
      while (stretch < row.trained.length && token >= row.trained[stretch][1]) {
        stretch += 1;
      }
      const trained = row.trained[stretch];
      const isTrained = trained !== undefined && token >= trained[0];
      cells.push({
        token,
        ids: body.ids.slice(token, token + count),
        text: body.text.slice(start, body.ends[at]),
        shown: body.safe[at],
        speaker: body.runs[run][1],
        kind: body.runs[run][2],
        trained: isTrained,
        target: isTrained ? trained[2] : null,
        weight: isTrained ? trained[3] : 0,
        stop: stops.has(token),
      });
      token += count;
      start = body.ends[at];
      inRun += count;
    }
    return cells;
  }

  const ofMessage = (cell) => (cell.target === null ? cell.speaker : cell.target);

  function roleOf(speaker) {
    return typeof speaker === "number" ? conversation().messages[speaker].role : speaker;
  }

  function nameOf(speaker) {
    return typeof speaker === "number" ? `${roleOf(speaker)} ${speaker}` : speaker || "";
  }

  function classesOf(cell) {
    if (cell.trained) {
      return cell.stop ? "trained stop" : "trained";
    }
    if (cell.kind === CONTROL) {
      return cell.speaker === null ? "control-token" : "control-token is-foreign";
    }
    return cell.kind === WORDS ? `of-${roleOf(cell.speaker)}` : "template";
  }

  /* -- drawing ------------------------------------------------------------------------------------------------- */

  function showAll() {
    const shown = conversation();
    part("losses").replaceChildren();
    part("notes").replaceChildren();
    part("messages").replaceChildren();
    part("samples").replaceChildren();
    if (shown.error !== null) {
      part("lead").textContent = "This record cannot be trained.";
      part("notes").append(element("p", { class: "notice" }, shown.error));
      return;
    }
    let found = variant();
    if (found === undefined) {
      state.trainOn = Object.keys(shown.variants[state.layout])[0];
      part("train_on").value = state.trainOn;
      found = variant();
    }
    showLead(found);
    showLosses(found);
    showMessages(found);
    found.rows.forEach((row, at) => part("samples").append(sampleElement(row, at)));
    if (found.rows.length === 0) {
      part("samples").append(element("p", { class: "notice" }, "Nothing of this conversation is trained: it gives no sample."));
    }
  }

  function showLead(found) {
    const tokens = found.rows.reduce((sum, row) => sum + ownTokensOf(row), 0);
    const trained = found.rows.reduce((sum, row) => sum + trainedOf(row), 0);
    const share = tokens === 0 ? 0 : (100 * trained) / tokens;
    part("lead").textContent =
      `${leadOf(found)}: ${trained.toLocaleString("en")} of ` +
      `${tokens.toLocaleString("en")} tokens (${share.toFixed(1)} %), in ${counted(found.rows.length, partOf())}. ` +
      "Everything else is context.";
    const inexact =
      found.inexact > 0
        ? ` ${counted(found.inexact, "message")} of ${found.trained.length} follow a context, or have a text, ` +
          "that a server would never show."
        : "";
    part("layout-words").textContent = LAYOUTS[state.layout][1] + inexact;
    part("view-words").textContent = VIEWS[state.view][1];
  }

  /* What is trained, in words that stay true where messages are dropped or lose a part. */
  function leadOf(found) {
    if (state.trainOn === "all_tokens") {
      return TRAIN_ON.all_tokens[1];
    }
    const each = found.trained.length === 1 ? "" : "each ";
    const which = found.trained.length === 0 ? "" : ` (${listed(found.trained)}), ${each}up to and including its stop token`;
    if (found.dropped.length > 0) {
      const wanted = counted(found.trained.length + found.dropped.length, "message");
      const are = found.trained.length === 1 ? "is" : "are";
      return `${found.trained.length} of ${wanted} that were to be trained ${are}${which}`;
    }
    const isWhole = !found.remarks.some(([, remarks]) => remarks.some((remark) => /^\w+_dropped: /.test(remark)));
    return `${TRAIN_ON[state.trainOn][1]}${which}${isWhole ? "" : ", but not all of it"}`;
  }

  /* What was to be trained and is not, before anything that is: a kind once, with the reason of its first message. */
  function showLosses(found) {
    const remarks = found.remarks.flatMap(([at, each]) => each.map((remark) => [at, remark]));
    for (const [word, losses] of [["Dropped", found.dropped], ["Warning", remarks]]) {
      for (const [, same] of grouped(losses)) {
        const first = same.length > 1 ? `first ${same[0][1]}` : same[0][1];
        const text = `${word}: ${listed(same.map(([at]) => at))}: ${first}`;
        part("losses").append(element("p", { class: "notice" }, text));
      }
    }
  }

  /* Texts about messages by the kind that each begins with. */
  function grouped(losses) {
    const kinds = new Map();
    for (const loss of losses) {
      const kind = loss[1].split(":")[0];
      kinds.set(kind, [...(kinds.get(kind) || []), loss]);
    }
    return kinds;
  }

  const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  /* Those of a branch that no path before it has. */
  const ownTokensOf = (row) => row.tokens - (row.branch === undefined ? 0 : row.branch.shared);
  const trainedOf = (row) => row.trained.reduce((sum, stretch) => sum + stretch[1] - stretch[0], 0);

  function listed(numbers) {
    const word = numbers.length === 1 ? "message" : "messages";
    const last = numbers[numbers.length - 1];
    return `${word} ${numbers.length === 1 ? last : `${numbers.slice(0, -1).join(", ")} and ${last}`}`;
  }

  function showMessages(found) {
    const lost = new Set([...found.dropped, ...found.remarks].map(([at]) => at));
    const dropped = found.dropped.map(([at]) => at);
    const others = [...conversation().messages.keys()].filter((at) => !dropped.includes(at));
    [...dropped, ...others].forEach((at) => {
      const message = conversation().messages[at];
      const isTrained = found.trained.includes(at);
      const look = [isTrained ? "is-trained" : "", lost.has(at) ? "is-lost" : ""].join(" ").trim();
      const button = element(
        "button",
        { type: "button", class: look || null, title: "Go to this message" },
        element("b", { class: `of-${message.role}` }, `${isTrained ? "✓ " : ""}${at} ${message.role}`),
        element("span", { class: "excerpt" }, message.excerpt),
        element("span", { class: "why" }, found.whys[at]),
      );
      button.addEventListener("click", () => goTo(at));
      part("messages").append(element("li", {}, button));
    });
    for (const warning of found.warnings) {
      part("notes").append(element("p", { class: "faint" }, warning));
    }
    if (found.error !== null) {
      part("notes").append(element("p", { class: "notice" }, `expand would end here: ${found.error}`));
    }
  }

  /* Where the message is trained, else where it is first. */
  function goTo(message) {
    const rows = [...root.querySelectorAll(`.row[data-message="${message}"]`)];
    const row = rows.find((each) => each.classList.contains("is-trained")) || rows[0];
    const cell = row && row.querySelector(".cell");
    if (cell) {
      cell.scrollIntoView({ block: "center" });
      cell.focus({ preventScroll: true });
    }
  }

  /** What is shown of samples: in trees their paths. */
  function partOf() {
    return state.layout === "tree" ? "path" : "sample";
  }

  function sampleElement(row, number) {
    const name = `${partOf()} ${number}`;
    const title = name[0].toUpperCase() + name.slice(1);
    const trained = trainedOf(row);
    const share = row.tokens === 0 ? 0 : trained / row.tokens;
    const lines = element("div", { class: `lines view-${state.view}`, role: "group", "aria-label": title });
    const branch = row.branch || { words: "", depth: 0, cells: 0 };
    const cells = cellsOf(row).slice(branch.cells);
    lines.cells = cells;
    drawLines(lines, cells.slice(0, MOST_CELLS), cells);
    const sample = element(
      "article",
      { class: "sample" },
      element(
        "header",
        {},
        element("h3", {}, title),
        element("span", { class: "faint" }, `${counted(row.tokens, "token")}, ${trained} trained (${(100 * share).toFixed(1)} %)`),
        element("span", { class: "branch" }, branch.words),
        bar(row),
      ),
      lines,
    );
    sample.style.marginInlineStart = `${Math.min(branch.depth, MOST_INDENTS) * 2}rem`;
    if (cells.length > MOST_CELLS) {
      const more = element("button", { type: "button" }, `Show the other ${cells.length - MOST_CELLS} tokens`);
      more.addEventListener("click", () => {
        lines.replaceChildren();
        drawLines(lines, cells, cells);
        more.remove();
      });
      sample.append(more);
    }
    return sample;
  }

  /* Where in the row training takes place. */
  function bar(row) {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    svg.setAttribute("class", "share");
    svg.setAttribute("viewBox", `0 0 ${Math.max(1, row.tokens)} 1`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    for (const [start, end] of row.trained) {
      const rect = document.createElementNS(space, "rect");
      rect.setAttribute("x", start);
      rect.setAttribute("width", end - start);
      rect.setAttribute("height", 1);
      svg.append(rect);
    }
    return svg;
  }

  /* A line ends at a newline, where training begins or ends, and where another message begins. */
  function drawLines(target, cells, all) {
    let line = null;
    let last = null;
    const finish = () => {
      if (line === null) {
        return;
      }
      const name = nameOf(line.speaker);
      const gutter = element("span", { class: "gutter" }, name !== "" && name !== last ? name : "");
      last = name || last;
      target.append(
        element(
          "div",
          { class: line.trained ? "row is-trained" : "row", "data-message": typeof line.speaker === "number" ? line.speaker : null },
          gutter,
          element("span", { class: "words" }, ...line.runs),
        ),
      );
      line = null;
    };
    cells.forEach((cell, at) => {
      const speaks = ofMessage(cell);
      const isOther = line !== null && speaks !== null && line.speaker !== null && speaks !== line.speaker;
      if (line !== null && (line.trained !== cell.trained || isOther)) {
        finish();
      }
      const parts = (cell.shown === undefined ? cell.text : cell.shown).split("\n");
      if (parts.length > 1 && parts[parts.length - 1] === "") {
        parts.pop();
        parts[parts.length - 1] += "\n";
      }
      parts.forEach((said, place) => {
        const ends = place < parts.length - 1 || said.endsWith("\n");
        const text = said.replace("\n", "");
        if (line === null) {
          line = { trained: cell.trained, speaker: null, runs: [], look: null };
        }
        line.speaker = line.speaker === null ? speaks : line.speaker;
        const look = classesOf(cell);
        if (line.look !== look) {
          line.runs.push(element("span", { class: `run ${look}` }));
          line.look = look;
        }
        const run = line.runs[line.runs.length - 1];
        run.append(cellElement(cell, at, text));
        if (ends) {
          run.lastChild.append(element("span", { class: "mark", "aria-hidden": "true" }, "↵"));
        }
        if (place === parts.length - 1) {
          predict(all[at + 1], line);
        }
        if (ends) {
          finish();
        }
      });
    });
    finish();
    const first = target.querySelector(".cell");
    if (first) {
      first.tabIndex = 0;
    }
  }

  function cellElement(cell, at, text) {
    const isBoxed = state.view !== "text";
    const boxed = cell.text === "" ? "∅" : text.replaceAll(" ", "·").replaceAll("\t", "⇥");
    return element("span", { class: "cell", "data-cell": at, tabindex: -1 }, isBoxed ? boxed : text);
  }

  /* In the view of next tokens: what the position of a cell is to write. */
  function predict(next, line) {
    if (state.view !== "next" || next === undefined || !next.trained) {
      return;
    }
    const run = line.runs[line.runs.length - 1];
    run.lastChild.classList.add("predicts");
    const text = (next.shown === undefined ? next.text : next.shown).replaceAll("\n", "↵").replaceAll(" ", "·");
    line.runs.push(element("span", { class: "predicted" }, `→${text}`));
    line.look = null;
  }

  /* -- what a token is ----------------------------------------------------------------------------------------- */

  function describe(span) {
    for (const other of root.querySelectorAll(".cell.current")) {
      other.classList.remove("current");
    }
    const lines = span.closest(".lines");
    const at = Number(span.dataset.cell);
    const cell = lines.cells[at];
    for (const same of lines.querySelectorAll(`.cell[data-cell="${at}"]`)) {
      same.classList.add("current");
    }
    const before = lines.cells.slice(0, at).map((each) => each.text).join("");
    const bytes = new TextEncoder();
    const [byte, character] = [bytes.encode(before).length, [...before].length];
    const last = cell.token + cell.ids.length - 1;
    const facts = [
      ["Token", cell.ids.length === 1 ? `${cell.token}` : `${cell.token} to ${last}, which share a character`],
      ["Id", cell.ids.join(", ")],
      ["Text", JSON.stringify(cell.shown === undefined ? cell.text : cell.shown)],
      ["Characters", range(character, [...cell.text].length)],
      ["Bytes", range(byte, bytes.encode(cell.text).length)],
      ["Written by", writer(cell)],
      ["Training", training(cell)],
    ];
    const next = lines.cells[at + 1];
    if (next !== undefined) {
      const what = JSON.stringify(next.shown === undefined ? next.text : next.shown);
      facts.push(["Next token", next.trained ? `${what}: the output here is trained to write it` : `${what}: not trained`]);
    }
    part("details").replaceChildren(
      ...facts.flatMap(([name, value]) => [element("b", {}, `${name} `), element("span", {}, value)]),
    );
  }

  const range = (start, length) => (length === 0 ? `none, at ${start}` : `${start} to ${start + length}`);

  function writer(cell) {
    const who = cell.speaker === null ? "the chat template" : typeof cell.speaker === "number" ? `message ${nameOf(cell.speaker)}` : `the ${cell.speaker}`;
    return cell.kind === CONTROL ? `${who} (control token)` : who;
  }

  function training(cell) {
    if (!cell.trained) {
      return "context, no label (-100)";
    }
    const of = cell.target === null ? "" : ` for message ${nameOf(cell.target)}`;
    const weight = cell.weight === 1 ? "" : `, weight ${Number(cell.weight.toPrecision(4))}`;
    return `trained${of}${weight}${cell.stop ? ", the stop token" : ""}`;
  }

  /* -- what people do ------------------------------------------------------------------------------------------ */

  root.addEventListener("mouseover", (event) => {
    const span = event.target.closest(".cell");
    if (span !== null) {
      describe(span);
    }
  });

  root.addEventListener("focusin", (event) => {
    if (event.target.classList.contains("cell")) {
      describe(event.target);
    }
  });

  root.addEventListener("keydown", (event) => {
    const span = event.target.closest(".cell");
    if (span === null) {
      return;
    }
    const goal = goalOf(event.key, span);
    if (goal) {
      event.preventDefault();
      span.tabIndex = -1;
      goal.tabIndex = 0;
      goal.focus();
    }
  });

  function goalOf(key, span) {
    const cells = [...span.closest(".lines").querySelectorAll(".cell")];
    const at = cells.indexOf(span);
    const row = span.closest(".row");
    switch (key) {
      case "ArrowRight":
        return cells[at + 1];
      case "ArrowLeft":
        return cells[at - 1];
      case "ArrowDown":
        return row.nextElementSibling && row.nextElementSibling.querySelector(".cell");
      case "ArrowUp":
        return row.previousElementSibling && row.previousElementSibling.querySelector(".cell");
      case "Home":
        return cells[0];
      case "End":
        return cells[cells.length - 1];
      default:
        return undefined;
    }
  }

  function choices(target, names, words, key) {
    for (const name of names) {
      const button = element("button", { type: "button", "data-choice": name, "aria-pressed": "false" }, words[name][0]);
      button.addEventListener("click", () => {
        state[key] = name;
        press(target, name);
        showAll();
      });
      target.append(button);
    }
    press(target, state[key]);
  }

  function press(target, name) {
    for (const button of target.children) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === name));
    }
  }

  function choose(at) {
    state.at = (at + data.conversations.length) % data.conversations.length;
    part("conversation").value = String(state.at);
    showAll();
  }

  function startChooser() {
    if (data.conversations.length < 2) {
      return;
    }
    part("chooser").hidden = false;
    data.conversations.forEach((each, at) => {
      const says = each.error === null ? each.messages.map((message) => message.excerpt).join(" · ") : each.error;
      part("conversation").append(element("option", { value: at }, `line ${each.line}: ${says.slice(0, 60)}`));
    });
    part("conversation").addEventListener("change", (event) => choose(Number(event.target.value)));
    part("before").addEventListener("click", () => choose(state.at - 1));
    part("after").addEventListener("click", () => choose(state.at + 1));
  }

  startChooser();
  for (const trainOn of data.train_on_values) {
    part("train_on").append(element("option", { value: trainOn }, TRAIN_ON[trainOn][0]));
  }
  part("train_on").value = state.trainOn;
  part("train_on").addEventListener("change", (event) => {
    state.trainOn = event.target.value;
    showAll();
  });
  choices(part("layouts"), data.layouts, LAYOUTS, "layout");
  choices(part("views"), Object.keys(VIEWS), VIEWS, "view");
  showAll();
};
