/* The plots are static. */
everyturn.sections.data_set = () => {};
