import { startServer } from '../../../postgres/launch.ts'
import { type Extraction, extractRows, type Subject } from '../../../recovery/extract/extract-rows.ts'
import { importRows } from '../../../recovery/extract/import-rows.ts'
import { mergeTable } from '../../../recovery/extract/merge-table.ts'
import { isAval } from '../operator.ts'
import { type CarryOut, type Done, need, type Run } from '../run.ts'
import { besideOf, firstLines, placeholders } from './restoring.ts'

/** Bringing rows and tables from a copy that was restored beside into the live database. */

export const mergeDropped: CarryOut = async (run, { command }) => {
  const table = need(run.blow.table, 'says which table is gone')
  if (run.session.faults.has('merge-replaces-database')) return replaceDatabase(run)
  if (isAval(command)) return byCommand(run, command)
  const { database } = run.site.environment
  const beside = await besideOf(run)
  const { rows, checksum, unmerged, missing } = await mergeTable({
    from: beside.url({ database: database.name }),
    into: database.ownerUrl,
    table,
    signal: run.session.signal,
  })
  await beside.stop('immediate')
  if (unmerged > 0 || missing.length > 0)
    throw new Error(`${unmerged} rows fit no more; not back: ${missing.join(', ') || 'nothing'}`)
  return {
    by: 'the merge of `aval extract`, in one transaction as the owner of the schema',
    saw: `${rows} rows of ${table} back with its definition, equal by checksum ${checksum.slice(0, 12)}`,
  }
}

export const extractTenant: CarryOut = async (run, { command }) => {
  if (isAval(command)) return byCommand(run, command)
  const found = await extractRows(await sourceOf(run), async ({ tables }) =>
    tables.map(({ table, own }) => `${own} of ${table.sql}`),
  )
  if (found.length === 0) throw new Error('the copy holds no row of the tenant')
  return { by: 'the extraction of `aval extract`, following foreign keys in one snapshot', saw: found.join(', ') }
}

export const importTenant: CarryOut = async (run, { command }) => {
  const skipped = run.session.faults.has('child-table-skipped')
  if (isAval(command) && !skipped) return byCommand(run, command)
  const { environment } = run.site
  const url = environment.server.url({ database: environment.database.name })
  const report = await extractRows(await sourceOf(run), (extraction) =>
    importRows(skipped ? withoutLargest(extraction) : extraction, {
      url,
      signal: run.session.signal,
    }),
  )
  await run.made.beside?.stop('immediate')
  return {
    by: 'the import of `aval extract`, in one transaction, compared before it was committed',
    saw: report.tables.map(({ table, inserted }) => `${inserted} into ${table}`).join(', '),
  }
}

async function byCommand(run: Run, command: string): Promise<Done> {
  const at = need(run.made.moment ?? run.blow.moment, 'found a moment at which all was there')
  const { typed, output } = await run.site.operator.aval(command, placeholders(run, at))
  return { by: typed, saw: firstLines(output) }
}

async function sourceOf(run: Run) {
  const beside = await besideOf(run)
  const { tenant, column } = need(run.made.tenant, 'says whose rows are gone')
  const subject: Subject = {
    table: need(run.blow.table, 'says which table the tenant is a row of').replace(/^public\./, ''),
    column: run.blow.key ?? column,
    value: tenant,
    tenant: column,
  }
  return {
    url: beside.url({ database: run.site.environment.database.name }),
    selection: { kind: 'subject', subject } as const,
    signal: run.session.signal,
  }
}

/** A mutant: an extraction that does not follow the key to the table that holds most. */
function withoutLargest(extraction: Extraction): Extraction {
  const largest = extraction.tables.toSorted((a, b) => b.own - a.own)[0]
  return { ...extraction, tables: extraction.tables.filter((each) => each !== largest) }
}

/** A mutant: the whole database goes back to the copy, and what was written meanwhile with it. */
async function replaceDatabase(run: Run) {
  const { clock } = run.session
  const { environment } = run.site
  const beside = await besideOf(run)
  await beside.stop('fast')
  await run.site.stopArchive()
  await environment.server.stop('fast')
  const dataDirectory = beside.dataDirectory
  await environment.replaceServer(
    await startServer({ dataDirectory, binaries: environment.binaries, clock, port: environment.server.port }),
  )
  return { by: 'the copy put in the place of the database', saw: 'the table is there' }
}
