// Lists: counts and totals that come after the page, ticking rows, keys, the order of columns. All of it is comfort.
(() => {
  'use strict';

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const t = (zh, en) => (document.documentElement.lang.startsWith('zh') ? zh : en);

  // Counts by state and totals: at once where few rows are to be counted, else when somebody asks.
  function summary() {
    const strip = one('[data-summary]');
    if (!strip || !one('[data-totals]')) return;
    const link = one('[data-summarise]', strip);
    const fill = async () => {
      const answer = await fetch(strip.dataset.summary, { headers: { Accept: 'text/html' } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      for (const place of all('[data-state]', strip)) {
        place.textContent = one(`[data-count="${place.dataset.state}"]`, page)?.textContent ?? '0';
      }
      const line = one('.totals-line', page);
      if (!line) return;
      const exact = one('[data-total]', line).textContent;
      one('[data-totals]').replaceChildren(...[...line.children].slice(1).map((part) => document.adoptNode(part)));
      one('.page-head .count').textContent = exact;
    };
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      link.setAttribute('aria-busy', 'true');
      fill().finally(() => link.removeAttribute('aria-busy'));
    });
    if ('few' in strip.dataset) fill().catch(() => { /* the strip stays without counts */ });
  }

  function ticking() {
    const boxes = all('input[form="several"][name="chosen"]');
    const whole = one('[data-all-rows]');
    if (!boxes.length || !whole) return;
    const shown = one('[data-chosen-count]');
    const buttons = all('.bulk-button');
    let last = null;
    const tell = () => {
      const count = boxes.filter((box) => box.checked).length;
      shown.textContent = String(count);
      shown.hidden = count === 0;
      for (const button of buttons) button.disabled = count === 0;
      whole.checked = count === boxes.length;
      whole.indeterminate = count > 0 && count < boxes.length;
    };
    whole.addEventListener('change', () => { for (const box of boxes) box.checked = whole.checked; tell(); });
    for (const box of boxes) {
      box.addEventListener('click', (event) => {
        if (event.shiftKey && last) {
          const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
          for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
        }
        last = box;
        tell();
      });
    }
    tell();
    window.addEventListener('pageshow', tell);
  }

  // j and k step through the rows, Enter opens one (it is the link in it that has the focus), x ticks it.
  function keys() {
    const rows = all('table.list tr[data-href]');
    if (!rows.length || !one('#several')) return;
    document.addEventListener('keydown', (event) => {
      const isTyping = event.target.matches('input:not([type="checkbox"]), select, textarea, [contenteditable]');
      if (isTyping || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = rows.indexOf(event.target.closest('tr[data-href]'));
      if (event.key === 'j' || event.key === 'k') {
        const next = rows[event.key === 'j' ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)];
        event.preventDefault();
        one('a', next).focus();
        next.scrollIntoView({ block: 'nearest' });
      } else if (event.key === 'x' && at >= 0) {
        event.preventDefault();
        one('input[name="chosen"]', rows[at]).click();
      } else if (event.key === 'f') {
        const panel = one('.filter-panel');
        event.preventDefault();
        panel.open = true;
        one('select, input:not([type="hidden"]), summary', one('.filter-fields', panel))?.focus();
      }
    });
  }

  function columns() {
    const form = one('form[data-columns]');
    if (!form) return;
    const list = one('ol', form);
    for (const item of all('li', list)) {
      const label = item.textContent.trim();
      for (const [sign, words, move] of [
        ['↑', t('上移', 'up'), () => item.previousElementSibling?.before(item)],
        ['↓', t('下移', 'down'), () => item.nextElementSibling?.after(item)],
      ]) {
        const button = document.createElement('button');
        button.type = 'button';
        button.textContent = sign;
        button.setAttribute('aria-label', `${label}: ${words}`);
        button.addEventListener('click', () => { move(); button.focus(); });
        item.append(button);
      }
    }
    form.addEventListener('formdata', (event) => {   // a short address: one name for all columns
      const chosen = event.formData.getAll('cols');
      event.formData.delete('cols');
      if (chosen.length) event.formData.set('cols', chosen.join(','));
    });
    const panel = form.closest('details');
    document.addEventListener('click', (event) => { if (!panel.contains(event.target)) panel.open = false; });
    panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') { panel.open = false; one('summary', panel).focus(); }
    });
  }

  summary();
  ticking();
  keys();
  columns();
})();
