import { access, constants } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { Client } from 'pg'
import { z } from 'zod'
import { errorCode } from '../api/http/log.ts'
import { importDue } from './due-imports.ts'
import { ImportError } from './import-error.ts'
import { importSource } from './import-source.ts'
import { sources } from './source.ts'
import { tellSummary } from './summary.ts'

/*
 * Takes lists of medicines into the catalog.
 *
 *   node services/catalog-import/main.ts ema medicines.csv       one source, now
 *   node services/catalog-import/main.ts due /var/lib/catalog    every source that is due, from a folder of downloads
 *
 * DATABASE_URL names the database, as role medtime_catalog or a member of it. Ends with 0 when everything is taken in, 1 when something was refused or is
 * missing, 2 when the command is not understood.
 */

const usage = `node main.ts <source> <file>... [--accept-shrinking]
node main.ts due <folder>
sources: ${sources.join(', ')} (rxnorm takes RXNCONSO.RRF and RXNSAT.RRF)`

const environment = z.object({ DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//) })
const command = z.union([z.tuple([z.literal('due'), z.string()]), z.tuple([z.enum(sources), z.string()], z.string())])

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { 'accept-shrinking': { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const asked = command.safeParse(positionals)
  if (!asked.success) {
    process.stderr.write(`${usage}\n`)
    return 2
  }
  const settings = environment.safeParse(process.env)
  if (!settings.success) {
    process.stderr.write('DATABASE_URL must be the address of the database, as role medtime_catalog\n')
    return 2
  }
  const [, ...paths] = asked.data
  await Promise.all(paths.map(refuseUnreadable))
  const client = new Client({
    connectionString: settings.data.DATABASE_URL,
    application_name: 'medtime-catalog-import',
  })
  await client.connect().catch((thrown: unknown) => {
    throw new ImportError(whyNotConnected(thrown))
  })
  try {
    return await carryOut(client, asked.data, values['accept-shrinking'])
  } finally {
    await client.end()
  }
}

/** Looked at first: whoever mistypes a path is told so also where the database is not to be had. */
async function refuseUnreadable(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK)
  } catch (thrown) {
    const code = errorCode(thrown)
    throw new ImportError(code === 'ENOENT' ? `There is no ${path}` : `${path} cannot be read (${code})`)
  }
}

/** Without the server's own text, and without the address, which holds a password. */
function whyNotConnected(thrown: unknown): string {
  const code = errorCode(thrown)
  switch (code) {
    case '28P01':
    case '28000':
      return `The database refused the sign-in (${code}); look at the name and the password in DATABASE_URL`
    case '3D000':
      return `The server has no database of the name in DATABASE_URL (${code})`
    default:
      return `No connection to the database in DATABASE_URL (${code}); does it run there?`
  }
}

async function carryOut(client: Client, asked: z.output<typeof command>, acceptShrinking: boolean): Promise<number> {
  const tell = (text: string) => process.stdout.write(`${text}\n`)
  const now = new Date()
  if (asked[0] === 'due') {
    const outcomes = await importDue(client, asked[1], now)
    for (const outcome of outcomes) {
      if (outcome.outcome === 'done') tell(tellSummary(outcome.summary))
      else if (outcome.outcome === 'missing') tell(`${outcome.source}: due, and not there: ${outcome.files.join(', ')}`)
      else tell(`${outcome.source}: refused; nothing was changed. ${outcome.reason}`)
    }
    if (outcomes.length === 0) tell('nothing is due')
    return outcomes.every(({ outcome }) => outcome === 'done') ? 0 : 1
  }
  const [source, ...paths] = asked
  tell(tellSummary(await importSource(client, { source, paths, now, acceptShrinking })))
  return 0
}

try {
  process.exitCode = await main()
} catch (thrown) {
  const reason = thrown instanceof ImportError ? thrown.message : `The import failed (${errorCode(thrown)})`
  process.stderr.write(`${reason}. Nothing was changed.\n`)
  process.exitCode = 1
}
