// Keeps the program beside the form up to date, and the choice in the address, after
// the #, so that it can be shared. Without it the form asks for a page.
'use strict';

(() => {
  const builder = document.querySelector('[data-builder]');
  const form = builder.querySelector('form');
  const part = (name) => builder.querySelector('[data-' + name + ']');
  let asked = 0; // counts requests, so that a late answer changes nothing

  const show = (program) => {
    builder.querySelector('[data-value]').textContent = program.text;
    part('file').textContent = program.file;
    part('needs').textContent = program.needs;
    part('run').textContent = program.run;
    part('program').hidden = !program.text;
    part('none').hidden = Boolean(program.text);
    part('some').hidden = !program.text;
  };

  const update = async () => {
    const mine = ++asked;
    const choice = new URLSearchParams(new FormData(form));
    if (!choice.get('client_id')) choice.delete('client_id');
    history.replaceState(null, '', '#' + choice);
    try {
      const response = await fetch('/start/program?' + choice, { credentials: 'omit' });
      if (response.ok && mine === asked) show(await response.json());
    } catch {
      // what is shown stays
    }
  };

  // Takes over a choice that somebody has shared.
  const restore = () => {
    const choice = new URLSearchParams(location.hash.slice(1));
    if (!choice.has('way')) return;
    for (const field of form.elements) {
      if (field.type === 'radio') field.checked = choice.get(field.name) === field.value || (!choice.has(field.name) && field.checked);
      else if (field.type === 'checkbox') field.checked = choice.has(field.name);
      else if (field.name) field.value = choice.get(field.name) || '';
    }
    update();
  };

  part('without-script').hidden = true;
  form.addEventListener('input', update);
  form.addEventListener('submit', (event) => event.preventDefault());
  addEventListener('hashchange', restore);
  restore();
})();
