/** What the scripts of the examples' pages have in common. */
export const byId = (id) => document.querySelector(`#${id}`);

/** A value as text of HTML. */
export const text = (value) =>
  String(value).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
