import type { Random } from '../../random.ts'
import type { Column } from './catalog.ts'

/** A value as text that the server reads; null for none. */
export type Value = string | null

const hex = (random: Random, bytes: number) => Buffer.from(random.bytes(bytes)).toString('hex')

function uuid(random: Random): string {
  const digits = hex(random, 16)
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20)}`
}

const longest = (column: Column) => Number(/^(?:character varying|character|bit)\((\d+)\)/.exec(column.type)?.[1] ?? 40)

/** A value of the column's type that differs from every other; undefined for a type that is not known. */
export function valueFor(
  column: Pick<Column, 'type' | 'base' | 'labels' | 'name' | 'notNull' | 'hasDefault' | 'computed'>,
  random: Random,
): Value | undefined {
  const { base } = column
  if (column.labels.length > 0) return column.labels[0] ?? null
  if (base.startsWith('_')) return '{}'
  const number = 1_000 + random.int(8_000)
  const day = `2026-01-${String(1 + random.int(28)).padStart(2, '0')}`
  switch (base) {
    case 'uuid':
      return uuid(random)
    case 'text':
    case 'varchar':
    case 'bpchar':
    case 'citext':
    case 'name':
      return `t${hex(random, 20)}`.slice(0, longest(column))
    case 'int2':
    case 'int4':
    case 'int8':
    case 'float4':
    case 'float8':
    case 'oid':
      return String(number)
    case 'numeric': {
      const [, precision, scale] = /numeric\((\d+),(\d+)\)/.exec(column.type) ?? []
      const whole = precision === undefined ? 4 : Number(precision) - Number(scale)
      return String(number % 10 ** Math.min(4, Math.max(0, whole)))
    }
    case 'bool':
      return 'true'
    case 'date':
      return day
    case 'timestamp':
    case 'timestamptz':
      return `${day} 12:00:00+00`
    case 'time':
    case 'timetz':
      return '12:00:00'
    case 'interval':
      return '1 hour'
    case 'json':
    case 'jsonb':
      return JSON.stringify({ of: hex(random, 6) })
    case 'bytea':
      return `\\x${hex(random, 32)}`
    case 'inet':
    case 'cidr':
      return `10.${random.int(250)}.${random.int(250)}.${random.int(250)}/32`
    case 'macaddr':
      return `02:00:00:${hex(random, 1)}:${hex(random, 1)}:${hex(random, 1)}`
    case 'money':
      return String(number)
    case 'point':
      return `(${number},1)`
    case 'bit':
    case 'varbit':
      return '1'.repeat(Math.min(longest(column), 8))
    case 'xml':
      return `<a>${hex(random, 6)}</a>`
    case 'tsvector':
      return hex(random, 6)
    case 'int4range':
    case 'int8range':
    case 'numrange':
      return `[${number},${number + 1})`
    case 'daterange':
      return `[${day},2026-02-01)`
    case 'tsrange':
    case 'tstzrange':
      return `[${day} 00:00:00,${day} 01:00:00)`
    case 'regclass':
      return 'pg_class'
    default:
      return undefined
  }
}

/** Other values to try where a check refused the first: what its text names, of the lengths and sizes it names. */
export function alternatives(column: Column, conditions: readonly string[], random: Random): Value[] {
  const text = conditions.join(' ')
  const literals = [...text.matchAll(/'((?:[^']|'')*)'/g)].map(([, literal]) => (literal ?? '').replaceAll("''", "'"))
  const numbers = [...text.matchAll(/\d+(?:\.\d+)?/g)]
    .map(([number]) => Number(number))
    .filter((number) => number < 1e9)
  const around = [...new Set([0, 1, ...numbers.flatMap((number) => [number, number - 1, number + 1])])]
  const plain = valueFor(column, random)
  const candidates: Value[] = [...(plain === undefined ? [] : [plain]), ...literals, ...column.labels]
  if (!column.notNull) candidates.push(null)
  if (/^(int|float|numeric|money)/.test(column.base)) candidates.push(...around.map(String))
  if (column.base.startsWith('_')) candidates.push('{a}', '{1}')
  if (/^jsonb?$/.test(column.base))
    return ['[]', '{}', '[1]', '[{}]', '["a"]', '"a"', '1', 'true', ...candidates.filter(isJson)]
  if (column.base === 'bool') candidates.push('true', 'false')
  const lengths = around.filter((length) => Number.isInteger(length) && length > 0 && length <= 4096)
  if (/^(text|varchar|bpchar|citext)$/.test(column.base)) {
    const mark = hex(random, 4)
    candidates.push(
      `${mark}@example.org`,
      `https://${mark}.example.org/`,
      'es',
      'aa-1',
      'MX',
      'MXN',
      `+52${1e9 + random.int(8e9)}`,
    )
    for (const length of lengths) {
      const digits = Array.from({ length }, () => String(random.int(10))).join('')
      const upper = Array.from({ length }, () => String.fromCharCode(65 + random.int(26))).join('')
      candidates.push(hex(random, length).slice(0, length), digits, `+${digits}`, upper, upper.toLowerCase())
    }
  }
  if (column.base === 'bytea') candidates.push(...lengths.map((length) => `\\x${hex(random, length)}`))
  if (/^(date|timestamp|timestamptz)$/.test(column.base)) candidates.push('2100-01-01', '2000-01-01', '2026-06-01')
  return candidates
}

function isJson(value: Value): boolean {
  try {
    return value === null || JSON.parse(value) !== undefined
  } catch {
    return false
  }
}
