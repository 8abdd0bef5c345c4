import type { Database } from '../database.ts'
import { noteAudit } from './audit.ts'

interface Page {
  key: unknown
  entry: unknown
}

/** Rows asked for at first; then as many as make about `pageBytes`. */
const firstPage = 8
const largestPage = 500
const pageBytes = 1_048_576

/**
 * Everything the server holds on a user, piece by piece as one JSON document: by table, rows in the order of their key. Read page by
 * page while the user reads, so that neither memory nor a connection is held; what is written meanwhile may be in it or not. An export
 * that breaks off is no document: its end is missing. The last character of a whole one is the closing brace.
 */
export async function* exportOf(user: string, database: Database, now: () => number): AsyncGenerator<string> {
  const tables = await database.transaction(user, (run) =>
    run<{ name: string }>('export-tables', 'SELECT name FROM public.srv_export_tables()', []),
  )
  const head = { format: 'medtime-export-1', user_id: user, exported_at: new Date(now()).toISOString() }
  yield `${JSON.stringify(head).slice(0, -1)},"tables":{`
  for (const [index, { name }] of tables.entries()) {
    yield `${index === 0 ? '' : ','}${JSON.stringify(name)}:[`
    let first = true
    for await (const entry of rowsOf(user, name, database)) {
      yield `${first ? '' : ','}${entry}`
      first = false
    }
    yield ']'
  }
  const audit = await database.transaction(user, async (run) => {
    const rows = await run<{ at: Date; event: string }>('audit-of', 'SELECT * FROM public.srv_audit_of($1)', [user])
    const known = await run('known-user', 'SELECT user_id FROM public.srv_users WHERE user_id = $1', [user])
    if (known.length > 0) await noteAudit(run, user, 'account_exported', new Date(now()))
    return rows.map(({ at, event }) => ({ at: at.toISOString(), event }))
  })
  yield `},"audit":${JSON.stringify(audit)}}`
}

/** @returns each row as JSON */
async function* rowsOf(user: string, table: string, database: Database): AsyncGenerator<string> {
  let after: unknown = null
  let limit = firstPage
  for (;;) {
    const asked = limit
    const last = after
    const page = await database.transaction(user, (run) =>
      run<Page>('export-page', 'SELECT key, entry FROM public.srv_export_page($1,$2,$3,$4)', [
        user,
        table,
        last === null ? null : JSON.stringify(last),
        asked,
      ]),
    )
    let bytes = 0
    for (const { key, entry } of page) {
      const text = JSON.stringify(entry)
      bytes += text.length
      after = key
      yield text
    }
    if (page.length < asked) return
    limit = Math.max(1, Math.min(largestPage, Math.floor((asked * pageBytes) / Math.max(1, bytes))))
  }
}
