/**
 * Puts values into a template. A place is written `<%name%>`, or `<%name:yaml%>` and
 * `<%name:cedar%>` where the value is quoted as that language needs it. Text that a person chose
 * freely can only be put in quoted, so no template can forget it.
 */

export interface Fillings {
  /** Values whose form is known: nothing in them means anything to YAML, Cedar, JSON or a shell. */
  readonly plain: Readonly<Record<string, string>>;
  /** Free text. */
  readonly text: Readonly<Record<string, string>>;
}

const PLACE = /<%([A-Za-z]+)(?::([a-z]+))?%>/g;

/** @throws when the template asks for what is not there, or for free text unquoted: both are bugs. */
export function fill(template: string, { plain, text }: Fillings): string {
  return template.replace(PLACE, (place: string, name: string, language?: string) => {
    const known = Object.hasOwn(plain, name) ? plain : text;
    const value = Object.hasOwn(known, name) ? known[name] : undefined;
    if (value === undefined) throw new Error(`a template names \`${place}\`, which has no value`);
    if (language === 'yaml') return yamlText(value);
    if (language === 'cedar') return cedarText(value);
    if (language !== undefined) throw new Error(`\`${place}\` names an unknown language`);
    if (known === text) throw new Error(`\`${place}\` puts free text in unquoted`);
    return value;
  });
}

/** What YAML 1.1 readers, which other tools are, take for no text. */
const YAML_WORDS = new Set(['true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n']);

/** A YAML scalar that is this text, bare where no reader can take it for anything else. */
function yamlText(text: string): string {
  const bare = /^[a-z][a-z0-9/-]*$/.test(text) && !YAML_WORDS.has(text);
  // A JSON string is a YAML double-quoted scalar.
  return bare ? text : JSON.stringify(text);
}

/** A Cedar string literal that is this text. */
function cedarText(text: string): string {
  return `"${text.replace(/["\\]/g, (c) => `\\${c}`)}"`;
}
