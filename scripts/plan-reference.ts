import { planLanguage } from '../src/plan/plan.ts'
import type { Field } from '../src/plan/plan-fields.ts'
import { formatBytes, formatDuration } from '../src/plan/units.ts'
import { asSource } from './as-source.ts'
import { planExamples } from './plan-examples.ts'

/** Members that every entry may carry; told once at the head of the page. */
const citation = new Set(['source', 'requirements', 'note'])

/** The text of docs/plan.md, made from the schema alone. */
export function planReference(): string {
  const language = planLanguage()
  const sections = Object.entries(language.properties ?? {})
  const plain = sections.filter(([, field]) => !isNested(field))
  const nested = sections.filter(([, field]) => isNested(field))
  return `# Plan reference

<!-- Made by scripts/generate-docs.ts from the schema in src/plan/; edits are lost. -->

A plan is \`plan.ts\`, whose default export is \`definePlan({ ... })\`. It is plain data: nothing in it is computed, read or awaited.
\`aval check\` says what is wrong with it, \`aval check --resolved\` prints it with every default filled in.

## Units

| written | is | becomes |
| --- | --- | --- |
| duration | \`'250ms'\`, \`'30s'\`, \`'5m'\`, \`'4h'\`, \`'7d'\`, \`'2w'\`, \`'1y'\` (365 days), \`'0'\` | milliseconds |
| bytes | \`'512B'\`, \`'5MB'\` (decimal), \`'1MiB'\` (binary) | bytes |
| ratio | \`'1%'\`, \`'99.9%'\` | a number from 0 to 1 |

## What any entry may carry

| entry | what it says |
| --- | --- |
${[...citation].map((name) => `| \`${name}\` | ${citationText(language, name)} |`).join('\n')}

They are left out of the tables below.

## The plan itself

${table(Object.fromEntries(plain), language.required ?? [], new Set())}

${nested.map(([name, field]) => section(name, field, language.required ?? [])).join('\n\n')}
`
}

/** Paths of entries without a word on what they are for. */
export function undescribed(): string[] {
  const found: string[] = []
  const visit = (field: Field, path: string) => {
    for (const [name, member] of Object.entries(field.properties ?? {})) {
      if (!described(member)) found.push(`${path}${name}`)
      visit(member, `${path}${name}.`)
    }
    if (typeof field.additionalProperties === 'object') visit(field.additionalProperties, `${path}<name>.`)
    if (field.items) visit(field.items, `${path}[]`)
    for (const form of field.anyOf ?? []) visit(form, path)
  }
  visit(planLanguage(), '')
  return [...new Set(found)]
}

function described(field: Field): boolean {
  return field.description !== undefined || (field.anyOf?.every((form) => form.description !== undefined) ?? false)
}

function section(name: string, field: Field, required: readonly string[]): string {
  const example = Object.entries(planExamples).find(([key]) => key === name)?.[1]
  const shown = example === undefined ? '' : `\n\n\`\`\`ts\n${name}: ${asSource(example, 0, name.length + 2)}\n\`\`\``
  const must = required.includes(name) ? ' It is required.' : ''
  // Forms of one place share what is inside them, which is told once.
  return [`## ${name}\n\n${sentence(field)}${must}${shown}`, ...new Set(body(name, field))].join('\n\n')
}

/** What is inside an entry: its table, then what is inside its members. */
function body(path: string, field: Field): string[] {
  if (typeof field.additionalProperties === 'object') return body(`${path}.<name>`, field.additionalProperties)
  if (field.items) return body(`${path}[]`, field.items)
  if (!field.anyOf) return object(path, path, field)
  const forms = field.anyOf.filter(isNested)
  return forms.flatMap((form) => {
    if (forms.length === 1 || !form.properties) return body(path, form)
    return object(`${path}\` with \`${distinguishing(form, forms)}`, path, form)
  })
}

/** The member that only this form of a place has. */
function distinguishing(form: Field, forms: readonly Field[]): string {
  const others = new Set(forms.filter((each) => each !== form).flatMap((each) => Object.keys(each.properties ?? {})))
  return (form.required ?? []).find((name) => !others.has(name)) ?? ''
}

function object(title: string, path: string, field: Field): string[] {
  if (!field.properties) return []
  const inner = Object.entries(field.properties)
    .filter(([name, member]) => !citation.has(name) && isNested(member))
    .flatMap(([name, member]) => body(`${path}.${name}`, member))
  const told = field.description === undefined ? '' : `${sentence(field)}\n\n`
  return [`### \`${title}\`\n\n${told}${table(field.properties, field.required ?? [])}`, ...inner]
}

function table(properties: Readonly<Record<string, Field>>, required: readonly string[], hidden = citation): string {
  const rows = Object.entries(properties)
    .filter(([name]) => !hidden.has(name))
    .map(([name, field]) => {
      const standard = required.includes(name) ? 'required' : defaultOf(field)
      return `| \`${name}\` | ${cell(typeOf(field))} | ${cell(standard)} | ${cell(sentence(field))} |`
    })
  return ['| entry | type | default | what it says |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

function typeOf(field: Field): string {
  if (field.anyOf) return [...new Set(field.anyOf.map(typeOf))].join(' or ')
  if (field.unit !== undefined) return field.unit
  if (field.const !== undefined) return `\`${asSource(field.const)}\``
  if (field.enum) return field.enum.map((value) => `\`${asSource(value)}\``).join(', ')
  if (field.items) return `list of ${typeOf(field.items)}`
  if (typeof field.additionalProperties === 'object') return `by name: ${typeOf(field.additionalProperties)}`
  if (field.properties) return 'object'
  const type = typeof field.type === 'string' ? field.type : (field.type ?? ['anything']).join(' or ')
  return { string: 'text', integer: 'whole number', boolean: 'true or false' }[type] ?? type.replace('string', 'text')
}

/** The default as a person would write it; nothing for what may simply be left out. */
function defaultOf(field: Field): string {
  const value = field.default
  if (value === undefined) return ''
  if (field.unit === 'duration' && typeof value === 'number') return `\`'${formatDuration(value)}'\``
  if (field.unit === 'bytes' && typeof value === 'number') return `\`'${formatBytes(value)}'\``
  if (Array.isArray(value) && value.length === 0) return 'none'
  if (typeof value === 'object' && value !== null && Object.keys(value).length === 0) return 'none'
  return `\`${asSource(bare(value))}\``
}

/** Without the lists that stand in an output only because they are empty. */
function bare(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const members = Object.entries(value).filter(([, member]) => !(Array.isArray(member) && member.length === 0))
  return Object.fromEntries(members.map(([key, member]) => [key, bare(member)]))
}

function isNested(field: Field): boolean {
  if (field.anyOf) return field.anyOf.some(isNested)
  if (field.items) return isNested(field.items)
  if (typeof field.additionalProperties === 'object') return isNested(field.additionalProperties)
  return field.properties !== undefined
}

function citationText(language: Field, name: string): string {
  const database = language.properties?.['database']?.properties?.[name]
  return database?.description ?? ''
}

function sentence(field: Field): string {
  const own = field.description ?? field.anyOf?.map(({ description }) => description ?? '').join(' ') ?? ''
  return own.trim() === '' || /[.!?]$/.test(own) ? own.trim() : `${own}.`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
