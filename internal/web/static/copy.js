// Copies values that are to be pasted elsewhere. Without it they can be selected
// as any text.
'use strict';

(() => {
  const copy = async (button) => {
    const field = button.closest('dd, [data-copyable]');
    for (const note of document.querySelectorAll('[data-copied]')) note.hidden = true;
    try {
      await navigator.clipboard.writeText(field.querySelector('[data-value]').textContent);
      field.querySelector('[data-copied]').hidden = false;
    } catch {
      getSelection().selectAllChildren(field.querySelector('[data-value]')); // so that the user can copy it
    }
  };

  for (const button of document.querySelectorAll('[data-copy]')) {
    button.hidden = false;
    button.addEventListener('click', () => copy(button));
  }
})();
