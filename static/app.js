// Makes the pages quicker to use. Every page works without it; nothing here decides what may be done.
(() => {
  'use strict';

  const root = document.documentElement;
  const isChinese = root.lang.startsWith('zh');
  const t = (zh, en) => (isChinese ? zh : en);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const isTyping = (target) => target.matches('input, select, textarea, [contenteditable]');
  const isWide = () => window.matchMedia('(min-width: 821px)').matches;

  function make(tag, attributes = {}, text = '') {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.textContent = text;
    return element;
  }

  // What the browser remembers for this person; private windows may refuse it.
  const memory = {
    get(key) {
      try { return JSON.parse(localStorage.getItem(`aftercare.${key}`)); } catch { return null; }
    },
    set(key, value) {
      try { localStorage.setItem(`aftercare.${key}`, JSON.stringify(value)); } catch { /* it is only a comfort */ }
    },
  };

  // Before the first paint, so that the page does not jump.
  root.classList.add('js');
  if (memory.get('side') === 'hidden') root.classList.add('side-hidden');

  // Navigation -----------------------------------------------------------------------------------------------------

  function navigation() {
    const side = one('#page-navigation');
    const button = one('.menu-button');
    if (!side || !button) return;
    button.setAttribute('role', 'button');
    const isShown = () => (isWide() ? !root.classList.contains('side-hidden') : root.classList.contains('side-open'));
    const tell = () => button.setAttribute('aria-expanded', String(isShown()));
    const toggle = () => {
      if (isWide()) {
        memory.set('side', root.classList.toggle('side-hidden') ? 'hidden' : 'shown');
      } else if (root.classList.toggle('side-open')) {
        side.focus();
      }
      tell();
    };
    const close = () => {
      if (!root.classList.contains('side-open')) return;
      root.classList.remove('side-open');
      tell();
      button.focus();
    };
    tell();
    button.addEventListener('click', (event) => { event.preventDefault(); toggle(); });
    button.addEventListener('keydown', (event) => { if (event.key === ' ') { event.preventDefault(); toggle(); } });
    one('.side-close', side).addEventListener('click', (event) => { event.preventDefault(); close(); });
    document.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });
    document.addEventListener('click', (event) => {
      if (!side.contains(event.target) && !button.contains(event.target) && !isWide()) close();
    });
    rememberAreas(side);
    findInMenu(side);
    one('[aria-current]', side)?.scrollIntoView({ block: 'nearest' });
  }

  function rememberAreas(side) {
    const areas = all('details.area', side);
    const remembered = memory.get('areas') || {};
    for (const area of areas) {
      const key = area.dataset.area;
      if (key in remembered && !one('[aria-current]', area)) area.open = remembered[key];
      one('summary', area).addEventListener('click', () => {
        memory.set('areas', { ...memory.get('areas'), [key]: !area.open });
      });
    }
  }

  function findInMenu(side) {
    const box = one('.side-find', side);
    const input = one('input', box);
    const areas = all('details.area', side);
    box.hidden = all('li', side).length < 10;
    let before = null;
    input.addEventListener('input', () => {
      const words = input.value.trim().toLowerCase();
      before ??= areas.map((area) => area.open);
      for (const item of all('li', side)) item.hidden = words !== '' && !item.textContent.toLowerCase().includes(words);
      areas.forEach((area, index) => {
        area.hidden = words !== '' && !one('li:not([hidden])', area);
        area.open = words === '' ? before[index] : true;
      });
      if (words === '') before = null;
    });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.isComposing) one('li:not([hidden]) a', side)?.click();
      if (event.key === 'Escape') { input.value = ''; input.dispatchEvent(new Event('input')); }
    });
  }

  // Keys and rows --------------------------------------------------------------------------------------------------

  function shortcuts() {
    document.addEventListener('keydown', (event) => {
      if (event.isComposing || event.altKey) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 's') {
        const form = one('form.record-form');
        if (form) { event.preventDefault(); form.requestSubmit(); }
        return;
      }
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        const box = one('#page-everywhere');
        if (box) { event.preventDefault(); box.focus(); box.select(); }
        return;
      }
      if (event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      const decision = /^[a-z]$/.test(event.key) && one(`[data-decide="${event.key}"]`);
      if (decision) {  // what is final takes a second key: Enter
        event.preventDefault();
        (event.key === 'r' ? one('[data-comment]') : decision).focus();
        return;
      }
      const target = { '/': one('#page-q') ? '#page-q' : '#page-everywhere', n: '[data-new]', e: '[data-edit]', j: '[data-next]', k: '[data-previous]' }[event.key];
      const found = target && one(target);
      if (found) {
        event.preventDefault();
        if (event.key === '/') { found.focus(); found.select(); } else { found.click(); }
      } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        stepRow(event);
      }
    });
  }

  function stepRow(event) {
    const row = event.target.closest?.('tr[data-href]');
    const next = row && (event.key === 'ArrowDown' ? row.nextElementSibling : row.previousElementSibling);
    if (next) { event.preventDefault(); one('a', next)?.focus(); }
  }

  function rows() {
    const open = (event) => {
      const row = event.target.closest('tr[data-href]');
      if (!row || event.target.closest('a, button, input, select, summary, label')) return;
      if (String(window.getSelection()) !== '') return;  // somebody is copying text
      if (event.button === 1 || event.ctrlKey || event.metaKey) window.open(row.dataset.href, '_blank', 'noopener');
      else if (event.button === 0) window.location.assign(row.dataset.href);
    };
    document.addEventListener('click', open);
    document.addEventListener('auxclick', open);
  }

  // Small comforts -------------------------------------------------------------------------------------------------

  function comforts() {
    one('[data-focus]')?.focus();
    for (const here of all('.tabs [aria-current], .steps [aria-current]')) {
      const strip = here.parentElement;
      strip.scrollLeft = here.offsetLeft - strip.offsetLeft - (strip.clientWidth - here.clientWidth) / 2;
    }
    for (const button of all('[data-copy]')) {
      button.hidden = !navigator.clipboard || !button.dataset.copy;
      button.addEventListener('click', async () => {
        await navigator.clipboard.writeText(button.dataset.copy);
        one('.sr-only', button).textContent = t('已复制', 'Copied');
        button.classList.add('done');
      });
    }
    for (const link of all('[data-back]')) {
      link.addEventListener('click', (event) => {
        if (window.history.length > 1) { event.preventDefault(); window.history.back(); }
      });
    }
    for (const box of all('[data-choose-all]')) {
      box.addEventListener('change', () => {
        for (const other of all(`input[name="${box.dataset.chooseAll}"]`, box.form)) other.checked = box.checked;
      });
    }
    for (const details of all('details.move')) {
      details.addEventListener('toggle', () => {
        if (details.open) one('input:not([type="hidden"]), .combo input, select, textarea', details)?.focus();
      });
    }
    for (const box of all('[data-narrows]')) {
      box.hidden = false;
      const lines = all('tbody tr', one(`#${box.dataset.narrows}`));
      one('input', box).addEventListener('input', (event) => {
        const words = event.target.value.trim().toLowerCase();
        for (const line of lines) line.hidden = !line.textContent.toLowerCase().includes(words);
      });
    }
  }

  // An address without empty conditions is one that can be read and kept.
  function shortAddresses() {
    for (const form of all('form.filters')) {
      form.addEventListener('formdata', (event) => {
        for (const [name, value] of [...event.formData]) if (value === '') event.formData.delete(name);
      });
    }
  }

  // Forms ----------------------------------------------------------------------------------------------------------

  function onceOnly() {
    for (const form of all('form[data-once]')) {
      let isSent = false;
      form.addEventListener('submit', (event) => {
        if (isSent) { event.preventDefault(); return; }
        isSent = true;
        for (const button of all('button:not([type="button"])', form)) button.setAttribute('aria-busy', 'true');
        // A page that comes back from the history, or a sending that failed, can be sent again.
        setTimeout(() => release(), 8000);
      });
      const release = () => {
        isSent = false;
        for (const button of all('[aria-busy]', form)) button.removeAttribute('aria-busy');
      };
      window.addEventListener('pageshow', (event) => { if (event.persisted) release(); });
    }
  }

  function guard() {
    const form = one('form[data-guard]');
    if (!form) return;
    const content = () => JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
    const atFirst = content();
    // A form that came back with errors or a conflict was never saved.
    let isChanged = Boolean(one('[data-focus]'));
    const note = one('[data-unsaved]', form);
    const look = () => {
      isChanged = Boolean(one('[data-focus]')) || content() !== atFirst;
      note.textContent = isChanged ? t('有未保存的修改', 'Unsaved changes') : '';
    };
    const warn = (event) => { if (isChanged) event.preventDefault(); };
    if (isChanged) look();
    form.addEventListener('input', look);
    form.addEventListener('change', look);
    form.addEventListener('submit', () => { window.removeEventListener('beforeunload', warn); });
    window.addEventListener('beforeunload', warn);
    window.addEventListener('pageshow', (event) => { if (event.persisted) window.addEventListener('beforeunload', warn); });
  }

  // Child tables ---------------------------------------------------------------------------------------------------

  function lineTables() {
    for (const table of all('table[data-lines]')) lineTable(table);
  }

  function lineTable(table) {
    const name = table.dataset.lines;
    const body = table.tBodies[0];
    const last = body.rows[body.rows.length - 1];
    if (!last) return;
    const pattern = blankCopy(last);
    const holder = table.closest('fieldset');
    const addButton = one('[data-add-row]', holder);

    const renumber = () => {
      [...body.rows].forEach((row, index) => {
        one('.row-number', row).textContent = String(index + 1);
        for (const element of all('*', row)) {
          for (const attribute of ['name', 'id', 'for', 'aria-describedby', 'aria-controls', 'aria-labelledby', 'data-field-of', 'data-figure']) {
            const value = element.getAttribute(attribute);
            if (value) element.setAttribute(attribute, value.replace(new RegExp(`\\b${name}-\\d+-`, 'g'), `${name}-${index}-`));
          }
        }
      });
      table.dispatchEvent(new Event('change', { bubbles: true }));
    };
    const add = () => {
      const row = pattern.cloneNode(true);
      body.append(row);
      renumber();
      prepare(row);
      return row;
    };
    const remove = (row) => {
      const near = row.nextElementSibling || row.previousElementSibling;
      row.remove();
      if (!body.rows.length) add();
      renumber();
      (one('[data-remove-row]', near?.isConnected ? near : body) || addButton).focus();
    };
    const prepare = (row) => {
      const button = one('[data-remove-row]', row);
      button.hidden = false;
      button.addEventListener('click', () => remove(row));
      comboBoxes(row);
    };

    for (const row of body.rows) prepare(row);
    addButton.hidden = false;
    one('[data-paste-hint]', holder).hidden = false;
    addButton.addEventListener('click', () => {
      one('input:not([type="hidden"]), select, textarea', add()).focus();
    });
    body.addEventListener('paste', (event) => pasteRows(event, body, add));
  }

  // An empty row without ids of kept lines, errors or choices made.
  function blankCopy(row) {
    const copy = row.cloneNode(true);
    for (const sentence of all('.error-text, .file-present', copy)) sentence.remove();
    for (const output of all('output', copy)) output.textContent = '';
    for (const element of all('input, select, textarea', copy)) {
      element.removeAttribute('aria-invalid');
      element.removeAttribute('aria-describedby');
      if (element.type === 'checkbox') element.removeAttribute('checked');
      else if (element.tagName === 'TEXTAREA') element.textContent = '';
      else if (element.tagName === 'INPUT') element.setAttribute('value', '');
      for (const option of element.options || []) option.toggleAttribute('selected', option.value === '');
    }
    return copy;
  }

  // A block copied from a spreadsheet fills the cells to the right and below, with new rows as needed.
  function pasteRows(event, body, add) {
    const text = event.clipboardData.getData('text/plain').replace(/\r/g, '').replace(/\n$/, '');
    if (!/[\t\n]/.test(text) || (event.target.tagName === 'TEXTAREA' && !text.includes('\t'))) return;
    const cell = event.target.closest('td');
    if (!cell) return;
    event.preventDefault();
    let row = cell.parentElement;
    for (const line of text.split('\n')) {
      row ??= add();
      let target = row.cells[cell.cellIndex];
      for (const value of line.split('\t')) {
        if (!target || target.matches('.row-buttons')) break;
        enter(target, value.trim());
        target = target.nextElementSibling;
      }
      row = row.nextElementSibling;
    }
  }

  function enter(cell, value) {
    const control = one('select', cell) || one('input:not([type="hidden"]), textarea', cell);
    if (!control || control.type === 'checkbox') return;
    if (control.tagName === 'SELECT') {
      const found = [...control.options].find((option) => option.value !== '' && [option.value, option.text.trim()].includes(value));
      if (value !== '' && !found) { combos.get(control)?.ask(value); return; }
      control.value = found ? found.value : '';
    } else {
      control.value = control.type === 'date' ? value.replace(/[/.年月]/g, '-').replace(/日$/, '').replace(/-(\d)(?=-|$)/g, '-0$1') : value;
    }
    control.dispatchEvent(new Event('input', { bubbles: true }));
    control.dispatchEvent(new Event('change', { bubbles: true }));
  }

  // Search-as-you-type choice boxes --------------------------------------------------------------------------------
  // The select stays in the form and is what is sent. Long lists are filtered here; those of records, which hold only
  // the newest ones, are asked for.

  const combos = new Map();
  const LONG = 12;
  const MAKE = '+';   // instead of an id: a new record is wanted
  let comboCount = 0;

  function comboBoxes(within = document) {
    for (const select of all('select:not([multiple])', within)) {
      if (combos.has(select)) continue;
      if ('choices' in select.dataset || select.options.length > LONG) combos.set(select, combo(select));
    }
  }

  function combo(select) {
    const at = select.closest('[data-choices-at]')?.dataset.choicesAt;
    const isRemote = 'choices' in select.dataset && Boolean(at);
    const path = select.dataset.field || select.name.replace(/-\d+-/, '.');
    const type = select.dataset.choices || '';
    const canMake = isRemote && window.choosing.mayCreate(select);
    const id = `combo-${comboCount += 1}`;
    const input = make('input', {
      type: 'text', role: 'combobox', id, autocomplete: 'off', spellcheck: 'false', 'aria-autocomplete': 'list',
      'aria-expanded': 'false', 'aria-controls': `${id}-list`,
      placeholder: select.options[0]?.value === '' && select.options[0].text.trim() !== '—' ? select.options[0].text.trim()
        : isRemote ? t('输入编号或名称查找', 'Type to search') : t('输入以查找', 'Type to search'),
    });
    const list = make('ul', { role: 'listbox', id: `${id}-list`, class: 'combo-list', hidden: '' });
    const box = make('span', { class: 'combo' });
    for (const name of ['aria-invalid', 'aria-describedby', 'aria-required']) {
      if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    }
    const label = select.labels[0];
    if (label) { label.htmlFor = id; list.setAttribute('aria-label', label.textContent.trim()); }
    // The error summary and a label's own id go on leading here.
    select.addEventListener('focus', () => input.focus());
    select.before(box);
    box.append(input, select);
    select.classList.add('sr-only');
    select.tabIndex = -1;
    select.setAttribute('aria-hidden', 'true');

    let options = [];   // [value, label] of what is offered now
    let cursor = -1;
    let asking = null;
    let timer = 0;

    const chosen = () => {
      const option = select.selectedOptions[0];
      return option && option.value !== '' ? option.text.trim() : '';
    };
    const show = () => { input.value = chosen(); input.title = input.value; };
    const isOpen = () => !list.hidden;

    const place = () => {
      const frame = input.getBoundingClientRect();
      const below = window.innerHeight - frame.bottom;
      const height = Math.min(288, list.scrollHeight + 2);
      const up = below < height + 8 && frame.top > below;
      list.style.minWidth = `${frame.width}px`;
      list.style.maxWidth = `${Math.max(frame.width, Math.min(460, window.innerWidth - frame.left - 12))}px`;
      list.style.left = `${frame.left}px`;
      list.style.top = up ? `${Math.max(8, frame.top - height - 2)}px` : `${frame.bottom + 2}px`;
    };
    const close = () => {
      window.clearTimeout(timer);
      asking?.abort();
      list.hidden = true;
      list.remove();
      cursor = -1;
      input.setAttribute('aria-expanded', 'false');
      input.removeAttribute('aria-activedescendant');
    };
    const mark = (index) => {
      cursor = index;
      all('[role="option"]', list).forEach((item, position) => {
        item.classList.toggle('at', position === index);
        if (position === index) {
          input.setAttribute('aria-activedescendant', item.id);
          item.scrollIntoView({ block: 'nearest' });
        }
      });
    };
    const draw = (found, note = '') => {
      options = found;
      list.replaceChildren(...found.map(([value, text], index) => make('li', {
        role: 'option', id: `${id}-${index}`, 'data-index': index, class: value === MAKE ? 'make' : '', 'aria-selected': String(value === select.value && value !== ''),
      }, text)));
      if (note) list.append(make('li', { class: 'note', role: 'presentation' }, note));
      if (!list.isConnected) document.body.append(list);
      list.hidden = false;
      input.setAttribute('aria-expanded', 'true');
      input.removeAttribute('aria-activedescendant');
      place();
    };
    const local = (words) => [...select.options].filter((option) => option.value !== ''
      && option.text.toLowerCase().includes(words.toLowerCase())).map((option) => [option.value, option.text.trim()]);
    const offer = (words, found) => {
      const note = found.length === 0 ? t('没有匹配的，请换个词', 'Nothing matches: try another word')
        : isRemote && found.length >= 50 ? t('只列出前 50 条，请多输几个字', 'The first 50: type more to narrow') : '';
      draw(canMake ? [...found, [MAKE, t('新建…（在新标签页）', 'Create new… (in a new tab)')]] : found, note);
      const present = found.findIndex(([value]) => value === select.value);
      mark(words ? (found.length ? 0 : -1) : present);
    };
    const fetchChoices = async (words) => {
      asking?.abort();
      asking = new AbortController();
      const query = new URLSearchParams({ field: path, q: words });
      const recent = window.choosing.recent(type);
      if (recent.length) query.set('recent', recent.join(','));
      const answer = await fetch(`${at}?${query}`, { signal: asking.signal, headers: { Accept: 'application/json' } });
      if (!answer.ok) throw new Error(String(answer.status));
      return (await answer.json()).map(({ id: value, label: text }) => [value, text]);
    };
    const search = (words) => {
      window.clearTimeout(timer);
      if (!isRemote) { offer(words, local(words)); return; }
      timer = window.setTimeout(async () => {
        try {
          offer(words, await fetchChoices(words));
        } catch (error) {
          if (error.name !== 'AbortError') draw([], t('暂时查不到，请稍后再试', 'The search failed: try again'));
        }
      }, words ? 160 : 0);
    };
    const take = (value, text) => {
      if (value === MAKE) {
        show();
        close();
        window.choosing.create(type, take);
        return;
      }
      window.choosing.used(type, value);
      if (value !== '' && ![...select.options].some((option) => option.value === value)) {
        select.append(new Option(text, value));
      }
      select.value = value;
      remember(path, value, text);
      show();
      close();
      select.dispatchEvent(new Event('change', { bubbles: true }));
    };
    const settle = () => {   // what was typed but not chosen: empty clears, an exact label counts, else as before
      if (input.value.trim() === '' && select.value !== '') take('', '');
      else {
        const exact = options.find(([, text]) => text === input.value.trim());
        if (exact && exact[0] !== select.value) take(...exact); else { show(); close(); }
      }
    };

    input.addEventListener('input', (event) => { if (!event.isComposing) search(input.value.trim()); });
    input.addEventListener('compositionend', () => search(input.value.trim()));
    input.addEventListener('click', () => { if (!isOpen()) search(''); });
    input.addEventListener('focus', () => input.select());
    input.addEventListener('blur', settle);
    input.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      const count = options.length;
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        if (!isOpen()) search('');
        else if (count) mark((cursor + (event.key === 'ArrowDown' ? 1 : -1) + count) % count);
      } else if (event.key === 'Enter') {
        if (isOpen() && cursor >= 0 && options[cursor]) { event.preventDefault(); take(...options[cursor]); }
      } else if (event.key === 'Escape' && isOpen()) {
        event.stopPropagation();
        show();
        close();
      } else if (event.key === 'Tab' && isOpen() && cursor >= 0 && input.value.trim() !== chosen() && options[cursor]) {
        take(...options[cursor]);
      }
    });
    list.addEventListener('mousedown', (event) => {
      event.preventDefault();   // the input keeps the focus
      const item = event.target.closest('[data-index]');
      if (item) take(...options[Number(item.dataset.index)]);
    });
    window.addEventListener('scroll', (event) => { if (isOpen() && event.target !== list) place(); }, true);
    window.addEventListener('resize', () => { if (isOpen()) place(); });
    select.addEventListener('change', show);
    select.form?.addEventListener('reset', () => setTimeout(show));
    show();
    if (isRemote && select.value !== '' && /^#/.test(chosen())) name_(select, path, fetchChoices, show);

    return {
      // The value of a pasted cell: taken if it names just one choice.
      async ask(words) {
        const found = isRemote ? await fetchChoices(words) : local(words);
        if (found.length === 1) take(...found[0]); else { input.value = words; }
      },
    };
  }

  // A filter's address holds only the id; its name is remembered from when it was chosen, or asked for.
  function remember(path, value, text) {
    try { sessionStorage.setItem(`aftercare.${window.location.pathname}.${path}.${value}`, text); } catch { /* comfort */ }
  }

  async function name_(select, path, fetchChoices, show) {
    const value = select.value;
    let text = null;
    try { text = sessionStorage.getItem(`aftercare.${window.location.pathname}.${path}.${value}`); } catch { /* comfort */ }
    if (!text) {
      const found = await fetchChoices('').catch(() => []);
      text = found.find(([id]) => id === value)?.[1];
    }
    if (!text) return;
    select.selectedOptions[0].text = text;
    show();
    for (const chip of all(`[data-named="${select.id}"]`)) chip.textContent = text;
  }

  // Files ----------------------------------------------------------------------------------------------------------
  // Chosen, photographed or dropped files are sent at once; the page that comes back tells what was kept.

  function uploads() {
    for (const form of all('form[data-upload]')) upload(form);
  }

  function upload(form) {
    const panel = form.closest('.files');
    const problem = one('[data-upload-problem]', form);
    const bar = one('progress', form);
    const inputs = all('input[type="file"]', form);
    const largest = Number(form.dataset.upload);
    let sending = null;

    const tell = (sentences) => { problem.textContent = sentences.join(' '); problem.hidden = sentences.length === 0; };
    const busy = (is) => {
      bar.hidden = !is;
      bar.value = 0;
      for (const input of inputs) input.disabled = is;
    };
    const stay = (event) => { if (sending) event.preventDefault(); };
    const failed = (sentences) => { sending = null; busy(false); for (const input of inputs) input.value = ''; tell(sentences); };
    const send = (files) => {
      if (sending || files.length === 0) return;
      const small = files.filter((file) => file.size <= largest * 1024 * 1024);
      const large = files.filter((file) => !small.includes(file)).map((file) => t(`“${file.name}”超过 ${largest} MB。`, `“${file.name}” is larger than ${largest} MB.`));
      tell(large);
      if (small.length === 0) return;
      const data = new FormData();
      data.append('csrf_token', one('[name="csrf_token"]', form).value);
      for (const file of small) data.append('files', file, file.name);
      sending = new XMLHttpRequest();
      busy(true);
      sending.upload.addEventListener('progress', (event) => { if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total; });
      sending.addEventListener('load', () => {
        const answer = sending.response;
        if (sending.status === 200 && answer?.count && large.length === 0) { sending = null; window.location.hash = panel.id; window.location.reload(); return; }
        failed([...large, ...(answer?.problems || [t('没有上传成功，请再试一次；文件很多时分几次上传。', 'The upload failed: try again, with fewer files at once.')])]);
      });
      sending.addEventListener('error', () => failed([t('网络中断，没有上传成功，请再试一次。', 'The network broke off: try again.')]));
      sending.responseType = 'json';
      sending.open('POST', form.action);
      sending.setRequestHeader('Accept', 'application/json');
      sending.send(data);
    };

    for (const input of inputs) input.addEventListener('change', () => send([...input.files]));
    form.addEventListener('submit', (event) => { event.preventDefault(); send(inputs.flatMap((input) => [...input.files])); });
    window.addEventListener('beforeunload', stay);
    let depth = 0;
    const holdsFiles = (event) => [...event.dataTransfer.types].includes('Files');
    const over = (by) => { depth += by; panel.classList.toggle('dropping', depth > 0); };
    panel.addEventListener('dragenter', (event) => { if (holdsFiles(event)) { event.preventDefault(); over(1); } });
    panel.addEventListener('dragover', (event) => { if (holdsFiles(event)) event.preventDefault(); });
    panel.addEventListener('dragleave', (event) => { if (holdsFiles(event)) over(-1); });
    panel.addEventListener('drop', (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      over(-depth);
      send([...event.dataTransfer.files]);
    });
  }

  // Comments -------------------------------------------------------------------------------------------------------
  // After an @ the people who see the record are offered. Who is chosen is sent by id, which tells namesakes apart.

  function mentions() {
    for (const form of all('form[data-people-at]')) mention(form, one('textarea', form));
  }

  function mention(form, box) {
    const list = make('ul', { role: 'listbox', class: 'combo-list mention-list', id: `${box.id}-people`, 'aria-label': t('提到谁', 'Whom to mention'), hidden: '' });
    box.after(list);
    let people = [];
    let cursor = 0;
    let asked = 0;

    const typed = () => /(?:^|[^A-Za-z0-9._%+-])[@＠]([^\s@＠]{0,40})$/.exec(box.value.slice(0, box.selectionStart));
    const close = () => {
      asked += 1;
      people = [];
      list.hidden = true;
      box.removeAttribute('aria-activedescendant');
    };
    const mark = (index) => {
      cursor = index;
      all('[role="option"]', list).forEach((item, position) => item.classList.toggle('at', position === index));
      const item = all('[role="option"]', list)[index];
      if (item) { box.setAttribute('aria-activedescendant', item.id); item.scrollIntoView({ block: 'nearest' }); }
    };
    const offer = async () => {
      const found = typed();
      if (!found) { close(); return; }
      const mine = asked += 1;
      const answer = await fetch(`${form.dataset.peopleAt}?${new URLSearchParams({ q: found[1] })}`, { headers: { Accept: 'application/json' } }).catch(() => null);
      if (mine !== asked) return;   // something else was typed meanwhile
      people = answer?.ok ? await answer.json() : [];
      list.replaceChildren(...people.map((person, index) => {
        const item = make('li', { role: 'option', id: `${list.id}-${index}`, 'data-index': index });
        item.append(make('b', {}, person.name), make('span', { class: 'muted small' }, ` ${person.username} · ${person.roles}`));
        return item;
      }));
      list.hidden = people.length === 0;
      if (people.length) { mark(0); list.scrollIntoView({ block: 'nearest' }); }
    };
    const take = (person) => {
      const from = box.selectionStart - typed()[1].length;
      box.setRangeText(`${person.name} `, from, box.selectionStart, 'end');
      if (!all('[name="mentions"]', form).some((input) => input.value === String(person.id))) {
        form.append(make('input', { type: 'hidden', name: 'mentions', value: person.id }));
      }
      close();
      box.focus();
    };

    box.setAttribute('aria-controls', list.id);
    box.addEventListener('input', (event) => { if (!event.isComposing) offer(); });
    box.addEventListener('compositionend', offer);
    box.addEventListener('blur', close);
    box.addEventListener('keydown', (event) => {
      if (event.isComposing) return;
      if ((event.ctrlKey || event.metaKey) && event.key === 'Enter') { event.preventDefault(); form.requestSubmit(); }
      if (list.hidden) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) { event.preventDefault(); mark((cursor + step + people.length) % people.length); }
      if (event.key === 'Enter' || event.key === 'Tab') { event.preventDefault(); take(people[cursor]); }
      if (event.key === 'Escape') { event.stopPropagation(); close(); }
    });
    list.addEventListener('mousedown', (event) => {
      event.preventDefault();   // the box keeps the focus
      const item = event.target.closest('[data-index]');
      if (item) take(people[Number(item.dataset.index)]);
    });
  }

  // Computed fields -------------------------------------------------------------------------------------------------

  function figures() {
    for (const form of all('form[data-figures-at]')) {
      if (one('[data-figure]', form)) keepComputed(form);
    }
  }

  // The server computes, as it will when saving; the last question asked is the one whose answer counts.
  function keepComputed(form) {
    let timer = null;
    let asked = null;
    const ask = async () => {
      asked?.abort();
      asked = new AbortController();
      const body = new FormData(form);
      for (const [name, value] of [...body]) if (value instanceof File) body.delete(name);
      try {
        const answer = await fetch(form.dataset.figuresAt, { method: 'POST', body, signal: asked.signal });
        if (!answer.ok) return;
        const found = await answer.json();
        for (const output of all('[data-figure]', form)) {
          const text = found[output.dataset.figure] ?? '';
          output.textContent = text || (output.closest('td') ? '' : '—');
        }
      } catch { /* shown when saved */ }
    };
    const soon = () => { clearTimeout(timer); timer = setTimeout(ask, 350); };
    form.addEventListener('input', soon);
    form.addEventListener('change', soon);
    ask();
  }

  // Report runs ----------------------------------------------------------------------------------------------------

  function runs() {
    for (const run of all('[data-poll]')) follow(run);
  }

  async function follow(run) {
    for (let failures = 0; failures < 30;) {
      await new Promise((resolve) => { setTimeout(resolve, 1000); });
      if (document.hidden) continue;
      try {
        const answer = await fetch(run.dataset.poll, { headers: { Accept: 'application/json' } });
        if (!answer.ok) throw new Error(String(answer.status));
        if (showRun(run, await answer.json())) return;
        failures = 0;
      } catch {
        failures += 1;
      }
    }
  }

  function showRun(run, now) {
    const badge = one('[data-run-state]', run);
    const bar = one('progress', run);
    const error = one('[data-run-error]', run);
    const isOver = now.state === 'done' || now.state === 'failed';
    if (badge.textContent !== now.state_label) badge.textContent = now.state_label;
    badge.className = `badge ${{ done: 'done', failed: 'ended', queued: 'neutral' }[now.state] || 'going'}`;
    if (bar) { bar.value = now.progress; bar.hidden = isOver; }
    const hint = one('[data-run-hint]');
    if (isOver) hint?.remove();
    error.textContent = now.error || '';
    error.hidden = !now.error;
    one('[data-run-records]', run).replaceChildren(...now.records.map(([href, number]) => {
      const item = make('li');
      item.append(make('a', { href }, number || '—'));
      return item;
    }));
    if (hint && now.state === 'done' && !now.records.length) location.reload();   // the page itself shows what was found
    return isOver;
  }

  document.addEventListener('DOMContentLoaded', () => {
    navigation();
    lineTables();
    comboBoxes();
    shortcuts();
    rows();
    comforts();
    shortAddresses();
    onceOnly();
    guard();
    figures();
    uploads();
    mentions();
    runs();
  });
})();
