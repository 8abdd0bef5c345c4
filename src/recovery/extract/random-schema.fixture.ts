import fc from 'fast-check'

/*
 * Schemas of three to six tables with whatever foreign keys chance gives them: composite, to themselves, in circles, deferrable or not; and
 * rows of two subjects. Only `t0` is the subjects' own table; every other reaches it by keys or by its column `user_id`.
 */

interface Reference {
  from: number
  to: number
  composite: boolean
  deferrable: boolean
}

export interface RandomSchema {
  /** How each table says whose a row is. */
  kinds: ('tenant' | 'child' | 'shared')[]
  references: Reference[]
  rows: { table: number; whose: 'ana' | 'ben'; links: number[]; text: string | null; number: number | null }[]
}

export const randomSchema: fc.Arbitrary<RandomSchema> = fc.integer({ min: 3, max: 6 }).chain((count) => {
  const table = fc.integer({ min: 0, max: count - 1 })
  return fc.record({
    kinds: fc.array(fc.constantFrom('tenant', 'child', 'tenant', 'shared'), { minLength: count, maxLength: count }),
    references: fc.array(fc.record({ from: table, to: table, composite: fc.boolean(), deferrable: fc.boolean() }), {
      minLength: 1,
      maxLength: 7,
    }),
    rows: fc.array(
      fc.record({
        table,
        whose: fc.constantFrom('ana', 'ben'),
        links: fc.array(fc.nat({ max: 1_000 }), { minLength: 7, maxLength: 7 }),
        text: fc.option(
          fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
          { freq: 5 },
        ),
        number: fc.option(fc.double({ noDefaultInfinity: true })),
      }),
      { minLength: 5, maxLength: 30 },
    ),
  })
})

const tables = ({ kinds }: RandomSchema) => ['root' as const, ...kinds.slice(1)]

/** References that chance proposed and that make sense: what is shared refers to shared things only. */
function usable(schema: RandomSchema): (Reference & { place: number })[] {
  const kinds = tables(schema)
  return schema.references
    .map((reference, place) => ({ ...reference, place }))
    .filter(({ from, to }) => kinds[from] !== 'shared' || kinds[to] === 'shared')
}

/** SQL that makes the tables in an empty schema `public`, without rows. */
export function schemaSql(schema: RandomSchema): string {
  const references = usable(schema)
  const made = tables(schema).map((kind, at) => {
    const referred = at === 0 || references.some(({ to }) => to === at)
    const columns = [
      referred || at % 2 === 0 ? 'id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY' : 'id int NOT NULL',
      'grp int NOT NULL',
      'tag text NOT NULL',
      'body text',
      'measure float8',
      ...(kind === 'root' ? ['name text UNIQUE'] : []),
      ...(kind === 'tenant' ? ['user_id text'] : []),
      ...(kind === 'child' ? ['root int NOT NULL REFERENCES public.t0 ON DELETE CASCADE'] : []),
      ...references
        .filter(({ from }) => from === at)
        .flatMap(({ place, composite }) => [`r${place} int`, ...(composite ? [`g${place} int`] : [])]),
      ...(referred ? ['UNIQUE (id, grp)'] : []),
    ]
    return `CREATE TABLE public.t${at} (${columns.join(', ')});`
  })
  const keys = references.map(({ from, to, place, composite, deferrable }) => {
    const [columns, parents] = composite ? [`r${place}, g${place}`, 'id, grp'] : [`r${place}`, 'id']
    return `ALTER TABLE public.t${from} ADD FOREIGN KEY (${columns}) REFERENCES public.t${to} (${parents})${
      deferrable ? ' DEFERRABLE' : ''
    };`
  })
  return ['DROP SCHEMA public CASCADE; CREATE SCHEMA public;', ...made, ...keys].join('\n')
}

/** SQL of a superuser that fills the tables. Rows refer to rows of their own subject or to shared ones. */
export function rowsSql(schema: RandomSchema): string {
  const kinds = tables(schema)
  const references = usable(schema)
  const nothing: Pick<RandomSchema['rows'][number], 'links' | 'text' | 'number'> = {
    links: [],
    text: null,
    number: null,
  }
  const rows = [
    { table: 0, tag: 'ana', id: 1 },
    { table: 0, tag: 'ben', id: 2 },
  ].map((row) => ({ ...row, ...nothing }))
  for (const { table, whose, links, text, number } of schema.rows) {
    if (table === 0 || table >= kinds.length) continue
    const tag = kinds[table] === 'shared' ? 'shared' : whose
    rows.push({ table, tag, id: rows.length + 1, links, text, number })
  }
  const statements = rows.map(({ table, tag, id, links, text, number }) => {
    const values: [string, string][] = [
      ['id', String(id)],
      ['grp', String(id * 7)],
      ['tag', `'${tag}'`],
      ['body', text === null ? 'NULL' : `convert_from('\\x${Buffer.from(text).toString('hex')}', 'UTF8')`],
      ['measure', number === null ? 'NULL' : `'${Object.is(number, -0) ? '-0' : number}'`],
    ]
    if (kinds[table] === 'root') values.push(['name', `'${tag}'`])
    if (kinds[table] === 'tenant') values.push(['user_id', `'${tag}'`])
    if (kinds[table] === 'child') values.push(['root', tag === 'ana' ? '1' : '2'])
    for (const { from, to, place, composite } of references) {
      if (from !== table) continue
      const fitting = rows.filter((row) => row.table === to && (row.tag === tag || row.tag === 'shared'))
      // One more than there are: a reference to nothing.
      const chosen = fitting[(links[place] ?? 0) % (fitting.length + 1)]
      if (chosen === undefined) continue
      values.push([`r${place}`, String(chosen.id)])
      if (composite) values.push([`g${place}`, String(chosen.id * 7)])
    }
    const names = values.map(([name]) => name).join(', ')
    return `INSERT INTO public.t${table} (${names}) OVERRIDING SYSTEM VALUE VALUES (${values.map(([, value]) => value).join(', ')});`
  })
  return ['SET session_replication_role = replica;', ...statements].join('\n')
}

/** SQL of a superuser that takes one subject away. */
export function deletionSql(schema: RandomSchema, tag: string): string {
  return [
    'SET session_replication_role = replica;',
    ...tables(schema).map((_, at) => `DELETE FROM public.t${at} WHERE tag = '${tag}';`),
  ].join('\n')
}

/** A query for every row of every table as text. */
export function contentsSql(schema: RandomSchema, where = 'true'): string {
  return `${tables(schema)
    .map((_, at) => `SELECT ${at} AS place, t::text AS line FROM public.t${at} t WHERE ${where}`)
    .join(' UNION ALL ')} ORDER BY 1, 2`
}
