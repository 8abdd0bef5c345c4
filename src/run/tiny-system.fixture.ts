import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProject } from '../project/find-project.ts'
import type { Project } from '../project/project.ts'

/** A project with one system, `tiny`: one table and one HTTP service that keeps items in it. For tests. */
export interface TinyProject {
  project: Project
  /** Folder of the system. */
  directory: string
  remove(): Promise<void>
}

/**
 * @param service members of the plan's service entry beyond the usual ones.
 * @param sections of the plan beyond services and database.
 */
export async function tinyProject(
  service: Record<string, unknown> = {},
  sections: Record<string, unknown> = {},
): Promise<TinyProject> {
  const root = await mkdtemp(join(tmpdir(), 'aval-tiny-'))
  // The account that the server runs as, when the tests run as root, must be able to pass.
  await chmod(root, 0o755)
  const directory = join(root, 'systems', 'tiny')
  await mkdir(join(directory, 'migrations'), { recursive: true })
  const plan = {
    system: 'tiny',
    services: {
      keeper: {
        command: ['node', 'keeper.mjs'],
        ready: '/ready',
        needs: ['database'],
        databaseRole: 'tiny_keeper',
        ...service,
      },
    },
    database: {
      version: '>=15',
      size: '1GB',
      roles: { tiny_keeper: { purpose: 'What the keeper connects as.' } },
      migrations: { layout: 'supabase', directory: 'migrations' },
      seed: 'seed.sql',
    },
    ...sections,
  }
  await writeFile(join(directory, 'plan.ts'), `export default ${JSON.stringify(plan, null, 2)}\n`)
  await writeFile(join(directory, 'seed.sql'), "INSERT INTO items VALUES ('seeded');\n")
  await writeFile(
    join(directory, 'migrations', '20260101000000_items.sql'),
    'CREATE TABLE items (name text PRIMARY KEY);\nGRANT SELECT, INSERT ON items TO tiny_keeper;\n',
  )
  await writeFile(join(directory, 'keeper.mjs'), keeper)
  return {
    project: await findProject(root, root),
    directory,
    remove: () => rm(root, { recursive: true, force: true }),
  }
}

/** `PUT /items/<name>` keeps one, `GET /items` lists them, `/crash` ends the process, `/process` tells its number. */
const keeper = `
import { createServer } from 'node:http'
import pg from ${JSON.stringify(import.meta.resolve('pg'))}
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 2 })
pool.on('error', () => undefined)
console.log('keeper begins')
const answer = async ({ method, url }) => {
  if (url === '/process') return process.pid
  if (url === '/crash') process.exit(7)
  if (url === '/flavour') return process.env.FLAVOUR ?? null
  if (url === '/ready') return (await pool.query('SELECT 1 AS ok')).rows
  if (method === 'PUT') return (await pool.query('INSERT INTO items VALUES ($1)', [url.slice('/items/'.length)])).rowCount
  return (await pool.query('SELECT name FROM items ORDER BY name')).rows.map((row) => row.name)
}
const server = createServer((request, response) => {
  answer(request).then(
    (value) => response.end(JSON.stringify(value)),
    (error) => { response.statusCode = 503; response.end(JSON.stringify(error.message)) },
  )
}).listen(Number(process.env.PORT), process.env.HOST)
process.on('SIGTERM', () => server.close(() => pool.end().then(() => process.exit(0))))
`
