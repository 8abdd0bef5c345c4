import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Client } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'

/** How many customers of which run. The same numbers give the same rows. */
export interface Accounts {
  /** Up to 400 000, the customers of the document's state utility (`SUPRA-DEVOPS §1`). */
  accounts: number
  /** Readings of each meter, one a month from January 2026; partitions stand for 24. */
  readings: number
  seed: number
}

export const mostAccounts = 400_000
const mostReadings = 24

/** Rows that were written, by table. */
export type Written = Record<string, number>

/** Tables that need only those of the steps before; those of one step are copied at once, each by a connection of its own. */
const steps = [
  ['tenants'],
  ['sectores_hidraulicos', 'persons'],
  ['addresses'],
  ['tomas'],
  ['meters', 'contracts', 'acometidas'],
  ['meter_readings'],
] as const
type Table = (typeof steps)[number][number]

const columns: Record<Table, string> = {
  tenants: 'id, slug, name, rfc, fiscal_name',
  sectores_hidraulicos: 'tenant_id, id, code, name',
  persons: 'tenant_id, id, first_name, paternal_surname, maternal_surname, phone',
  addresses: 'tenant_id, id, person_id, street, exterior_number, neighbourhood, municipality, postal_code',
  tomas: 'tenant_id, id, account_number, sector_id, address_id',
  meters: 'tenant_id, id, serial_number, toma_id, installed_on',
  contracts: 'tenant_id, id, number, person_id, toma_id, starts_on',
  acometidas: 'tenant_id, id, toma_id, diameter_mm, installed_on',
  meter_readings: 'tenant_id, meter_id, read_at, value_m3, source',
}

/**
 * Fills a migrated database with one utility and its customers, each with a take, a meter, a contract and readings, through COPY with every constraint on. Nothing is
 * held in memory but a piece of a stream.
 * @param url as the owner of the schema, whom row security does not bind
 * @throws RangeError for more than there are partitions or customers for; what the server refuses, such as the same rows once more
 */
export async function fillWithAccounts(url: string, wanted: Accounts): Promise<Written> {
  const { accounts, readings } = wanted
  if (!Number.isInteger(accounts) || accounts < 1 || accounts > mostAccounts)
    throw new RangeError(`between 1 and ${mostAccounts} accounts, not ${accounts}`)
  if (!Number.isInteger(readings) || readings < 0 || readings > mostReadings)
    throw new RangeError(`between 0 and ${mostReadings} readings, not ${readings}`)
  const written: Written = {}
  for (const tables of steps)
    await Promise.all(
      tables.map(async (table) => {
        const streams = table === 'meter_readings' ? readingsOf(wanted) : [rowsOf[table](wanted)]
        const copied = await Promise.all(streams.map((rows) => copy(url, table, rows)))
        written[table] = copied.reduce((sum, rows) => sum + rows, 0)
      }),
    )
  return written
}

async function copy(url: string, table: Table, rows: Iterable<string>): Promise<number> {
  const client = new Client({ connectionString: url })
  // What breaks the connection is told by the stream.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const stream = client.query(copyFrom(`COPY ${table} (${columns[table]}) FROM STDIN`))
    await pipeline(Readable.from(pieces(rows)), stream)
    await client.query(`ANALYZE ${table}`)
    return stream.rowCount
  } finally {
    await client.end()
  }
}

const pieceLength = 65_536

/** Lines joined into pieces, since a stream of single lines costs more than their rows. */
function* pieces(lines: Iterable<string>): Iterable<string> {
  let piece = ''
  for (const line of lines) {
    piece += line
    if (piece.length < pieceLength) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

const sectors = 40
const given = ['Maria', 'Juan', 'Lucia', 'Pedro', 'Ana', 'Jorge', 'Elena', 'Raul', 'Sofia', 'Diego', 'Carmen', 'Luis']
const surnames = [
  'Garcia',
  'Lopez',
  'Ramirez',
  'Torres',
  'Flores',
  'Mendoza',
  'Castillo',
  'Ortega',
  'Navarro',
  'Salinas',
  'Vega',
]
const quarters = ['Centro', 'Juriquilla', 'El Refugio', 'Milenio', 'Satelite', 'Lomas']

const rowsOf: Record<Exclude<Table, 'meter_readings'>, (wanted: Accounts) => Iterable<string>> = {
  tenants: function* ({ seed }) {
    yield line(tenantOf(seed), `agua-${seed}`, `Agua ${seed}`, 'AGU850101AAA', `Agua ${seed}`)
  },
  sectores_hidraulicos: function* ({ seed }) {
    for (let n = 1; n <= sectors; n++)
      yield line(tenantOf(seed), idOf('sector', n), `SH-${String(n).padStart(2, '0')}`, `Sector ${n}`)
  },
  persons: eachAccount((n, { seed }) => {
    const roll = mixed(seed, n, 1)
    const phone = `+5244${String(20_000_000 + n).padStart(8, '0')}`
    return [idOf('person', n), of(given, roll), of(surnames, roll >>> 8), of(surnames, roll >>> 16), phone]
  }),
  addresses: eachAccount((n, { seed }) => {
    const roll = mixed(seed, n, 2)
    const [street, house] = [`Calle ${1 + (roll % 900)}`, String(1 + ((roll >>> 12) % 300))]
    return [
      idOf('address', n),
      idOf('person', n),
      street,
      house,
      of(quarters, roll),
      'Queretaro',
      String(76_000 + (roll % 190)),
    ]
  }),
  tomas: eachAccount((n) => [
    idOf('toma', n),
    `QRO-${String(n).padStart(7, '0')}`,
    idOf('sector', 1 + (n % sectors)),
    idOf('address', n),
  ]),
  meters: eachAccount((n) => [idOf('meter', n), `M-${String(n).padStart(8, '0')}`, idOf('toma', n), '2024-01-01']),
  contracts: eachAccount((n) => [
    idOf('contract', n),
    `C-${String(n).padStart(7, '0')}`,
    idOf('person', n),
    idOf('toma', n),
    '2024-01-01',
  ]),
  acometidas: eachAccount((n) => [idOf('acometida', n), idOf('toma', n), '13', '2020-01-01']),
}

/** Readings make up most of all rows: half of the months come over each of two connections, so that two cores have work. */
function readingsOf({ accounts, readings, seed }: Accounts): Iterable<string>[] {
  const half = Math.ceil(readings / 2)
  return [readingsOfMonths(0, half, accounts, seed), readingsOfMonths(half, readings, accounts, seed)]
}

/** Month by month, as they come in life, so that a month's partition is written in one go. */
function* readingsOfMonths(first: number, end: number, accounts: number, seed: number): Iterable<string> {
  const tenant = tenantOf(seed)
  for (let month = first; month < end; month++) {
    const times = minutesOf(new Date(Date.UTC(2026, month, 1)))
    for (let n = 1; n <= accounts; n++)
      yield `${tenant}\t${idOf('meter', n)}\t${times[n % times.length]}\t${cubicMetres(dialOf(seed, n, month))}\tsmart\n`
  }
}

function eachAccount(row: (n: number, wanted: Accounts) => readonly string[]): (wanted: Accounts) => Iterable<string> {
  return function* (wanted) {
    const tenant = tenantOf(wanted.seed)
    for (let n = 1; n <= wanted.accounts; n++) yield line(tenant, ...row(n, wanted))
  }
}

/** A row of COPY's text format; no value here holds a character that it would have to escape. */
function line(...values: readonly string[]): string {
  return `${values.join('\t')}\n`
}

const kinds = ['sector', 'person', 'address', 'toma', 'meter', 'contract', 'acometida'] as const

const prefixes = new Map(kinds.map((kind, at) => [kind, `0000000${at}-0000-4000-8000-`]))

/** An id that says which row it is. Ids are the tenant's own, so that two seeds never meet. */
function idOf(kind: (typeof kinds)[number], n: number): string {
  return `${prefixes.get(kind)}${n.toString(16).padStart(12, '0')}`
}

/** Every minute of a day, as the server reads it. */
function minutesOf(day: Date): string[] {
  return Array.from({ length: 1_440 }, (_, minute) => new Date(day.getTime() + minute * 60_000).toISOString())
}

function tenantOf(seed: number): string {
  return `00000009-0000-4000-8000-${(seed >>> 0).toString(16).padStart(12, '0')}`
}

/** What a dial shows after a month, litres: 4 to 60 m3 a month by customer, a little more or less each month, and never less than before. */
function dialOf(seed: number, n: number, month: number): number {
  const monthly = 4_000 + (mixed(seed, n, 3) % 56_000)
  return 100_000 + month * monthly + (mixed(seed, n, 100 + month) % monthly)
}

function cubicMetres(litres: number): string {
  return `${Math.floor(litres / 1_000)}.${String(litres % 1_000).padStart(3, '0')}`
}

function of(list: readonly string[], roll: number): string {
  return list[roll % list.length] ?? ''
}

/** 32 bits that depend on all three: the finaliser of MurmurHash3 over each in turn. Any row can be made without those before it. */
function mixed(seed: number, n: number, what: number): number {
  return finalised(finalised(seed, n), what) >>> 0
}

function finalised(hash: number, part: number): number {
  const h = Math.imul(hash ^ part, 0x85ebca6b)
  const mid = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return mid ^ (mid >>> 16)
}
