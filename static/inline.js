// Cells of a list that are changed in place: the link in the cell leads to a small form, which is put into the cell
// instead. Enter saves, Escape leaves, Tab saves what was changed and goes on to the next cell of the row.
(() => {
  'use strict';

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const parsed = (text) => new DOMParser().parseFromString(text, 'text/html');
  const input = (form) => one('input:not([type="hidden"]), select, textarea', form);
  const list = one('table.list');
  if (!list || !one('a.cell', list)) return;

  const said = document.createElement('p');   // for those who hear the page
  said.className = 'sr-only';
  said.setAttribute('role', 'status');
  document.body.append(said);

  const say = (link, sentence) => {
    one('.cell-refusal', link.parentElement)?.remove();
    const bubble = document.createElement('p');
    bubble.className = 'cell-refusal error-text';
    bubble.setAttribute('role', 'alert');
    bubble.textContent = sentence;
    link.after(bubble);
    link.addEventListener('blur', () => bubble.remove(), { once: true });
  };

  const back = () => encodeURIComponent(location.search.slice(1));

  async function open(link) {
    link.setAttribute('aria-busy', 'true');
    try {
      const page = parsed(await (await fetch(`${link.getAttribute('href')}?back=${back()}`)).text());
      const form = one('form.cell-form', page);
      if (form) fill(link.parentElement, form);
      else say(link, one('.error-text', page)?.textContent ?? one('main', page).textContent.trim());
    } catch {
      window.location.assign(link.href);
    } finally {
      link.removeAttribute('aria-busy');
    }
  }

  function fill(cell, form, shows = true) {
    const link = one('a.cell', cell);
    one('form.cell-form', cell)?.remove();
    one('.cell-refusal', cell)?.remove();
    link.hidden = true;
    cell.classList.add('open');
    cell.append(document.adoptNode(form));
    const box = input(form);
    form.dataset.before = shows ? box.value : '\0';   // what came back refused is a change still
    box.focus();
    box.select?.();
  }

  function leave(cell, focus = true) {
    const link = one('a.cell', cell);
    one('form.cell-form', cell)?.remove();
    cell.classList.remove('open');
    link.hidden = false;
    if (focus) link.focus();
  }

  async function save(form, goOn) {
    const cell = form.closest('td');
    const answer = await fetch(form.action, {
      method: 'POST', body: new URLSearchParams(new FormData(form)), headers: { Accept: 'application/json' },
    });
    if (answer.headers.get('Content-Type')?.includes('json')) return shown(cell, await answer.json(), goOn);
    const again = one('form.cell-form', parsed(await answer.text()));
    if (!again) { form.submit(); return undefined; }   // the session ended, or the like: the whole page says so
    return fill(cell, again, false);
  }

  // The cells of the row as they are now; what is open beside this one stays as it is typed.
  function shown(cell, answer, goOn) {
    const row = cell.parentElement;
    const fresh = one('tr', parsed(`<table>${answer.row}</table>`));
    const at = cell.cellIndex;
    if (!fresh) { row.remove(); return; }
    [...row.cells].forEach((old, index) => {
      if (index === 0) one('input[name="chosen"]', old).value = one('input[name="chosen"]', fresh.cells[0]).value;
      else if (index !== at && old.matches('.open')) one('[name="revision"]', old).value = answer.revision;
      else old.replaceWith(document.importNode(fresh.cells[index], true));
    });
    said.textContent = `${row.cells[at].dataset.label}: ${row.cells[at].textContent}`;
    const links = all('td:not(.open) > a.cell', row);
    const here = links.findIndex((link) => link.parentElement.cellIndex === at);
    const next = links[here + goOn];
    if (goOn && next) open(next); else links[here]?.focus();
  }

  list.addEventListener('click', (event) => {
    const link = event.target.closest('a.cell');
    const leaving = event.target.closest('[data-leave]');
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (link) { event.preventDefault(); if (!link.ariaBusy) open(link); }
    if (leaving) { event.preventDefault(); leave(leaving.closest('td')); }
  });

  list.addEventListener('submit', (event) => {
    const form = event.target.closest('form.cell-form');
    if (!form) return;
    event.preventDefault();
    if (form.ariaBusy) return;
    form.ariaBusy = 'true';
    save(form, 0).catch(() => form.submit()).finally(() => { form.ariaBusy = null; });
  });

  list.addEventListener('keydown', (event) => {
    const form = event.target.closest('form.cell-form');
    if (!form || event.isComposing) return;
    const cell = form.closest('td');
    const isIn = event.target === input(form);
    if (event.key === 'Escape') { event.preventDefault(); leave(cell); }
    if (event.key === 'Enter' && isIn && event.target.matches('select')) { event.preventDefault(); form.requestSubmit(); }
    if (event.key !== 'Tab' || !isIn || form.ariaBusy) return;
    const links = all('a.cell', cell.parentElement);
    const next = links[links.indexOf(one('a.cell', cell)) + (event.shiftKey ? -1 : 1)];
    if (!next) return;
    event.preventDefault();
    if (input(form).value !== form.dataset.before) {
      form.ariaBusy = 'true';
      save(form, event.shiftKey ? -1 : 1).finally(() => { form.ariaBusy = null; });
    } else {
      leave(cell, false);
      open(next);
    }
  });

  // `e` opens the first cell of the row in which one is.
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'e' || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.matches('input:not([type="checkbox"]), select, textarea')) return;
    const link = one('a.cell:not([hidden])', event.target.closest('tr[data-href]') ?? document.createElement('i'));
    if (link) { event.preventDefault(); open(link); }
  });

  // What is typed and not saved is not lost by a slip.
  window.addEventListener('beforeunload', (event) => {
    const isDirty = all('form.cell-form', list).some((form) => !form.ariaBusy && input(form).value !== form.dataset.before);
    if (isDirty) event.preventDefault();
  });
})();
