// Selects a code that was wrong, so that the next one takes its place.
'use strict';

(() => {
  const code = document.getElementById('user_code');
  code.focus();
  code.select();
})();
