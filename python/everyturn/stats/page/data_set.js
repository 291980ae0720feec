/* The plots stand on the page as they are. */
everyturn.sections.data_set = () => {};
