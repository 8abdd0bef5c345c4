import { createHash } from 'node:crypto'
import { cp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { commandLine, type Printed } from '../../src/cli/command-line.fixture.ts'
import { systemClock } from '../../src/clock.ts'
import { withClient } from '../../src/postgres/connection.ts'
import { temporaryPlace } from '../../src/postgres/place.ts'
import { createBackup } from '../../src/recovery/backup/base-backup.ts'
import { makePlace, type Place } from '../../src/recovery/cluster.fixture.ts'
import { openDevelopmentRepository, repositoryDirectory, repositoryKeyFile } from '../../src/run/archive.ts'
import { type TinyProject, tinyProject } from '../../src/run/tiny-system.fixture.ts'

/** A sound repository with a backup and WAL behind it, and a server it came from; faults work on copies of it. */
export interface Scene {
  place: Place
  /** A copy of the project, to be damaged. */
  copy(): Promise<Damaged>
  remove(): Promise<void>
}

/** A project whose repository is whole until a fault changes it. */
export interface Damaged {
  root: string
  repository: string
  keyFile: string
  /** Where a restore shall go. */
  target: string
  /** The server the backups came from; it still runs. */
  serverUrl: string
  aval(...argv: string[]): Promise<Printed>
  /** A digest over the repository, the key, and whether the target is there: what a refused command must leave as it was. */
  state(): Promise<string>
}

export async function buildScene(): Promise<Scene> {
  const place = await makePlace()
  const tiny: TinyProject = await tinyProject({}, {})
  const server = await place.server('data', { summarize_wal: false })
  const repository = await openDevelopmentRepository(tiny.project, 'tiny')
  const receiver = await place.receiver(server, { repository })
  await createBackup({ url: server.url(), repository, clock: systemClock, receiver })
  // Two segments behind the backup, so that one of them can be missed.
  await withClient(server.url(), async (client) => {
    await client.query('CREATE TABLE kept AS SELECT g AS id, md5(g::text) AS value FROM generate_series(1, 2000) g')
    for (let times = 0; times < 2; times++) await client.query('SELECT pg_switch_wal(), txid_current()')
  })
  const mark = await receiver.heartbeat()
  await receiver.waitUntilStored(mark.lsn, 30_000)
  await receiver.stop()

  const copies: (() => Promise<void>)[] = []
  return {
    place,
    copy: async () => {
      const away = await temporaryPlace('aval-fault')
      copies.push(away.remove)
      const root = join(away.path, 'project')
      await cp(tiny.project.root, root, { recursive: true })
      const project = { state: join(root, '.aval') }
      const [directory, keyFile] = [repositoryDirectory(project, 'tiny'), repositoryKeyFile(project, 'tiny')]
      const target = join(away.path, 'restored')
      return {
        root,
        repository: directory,
        keyFile,
        target,
        serverUrl: server.url(),
        aval: (...argv) => commandLine(root, ...argv),
        state: async () => {
          const hash = createHash('sha256')
          for (const folder of [directory, join(root, '.aval', 'keys')]) await digest(hash, folder)
          const restored = await stat(target).then(
            () => 'there',
            () => 'absent',
          )
          return hash.update(restored).digest('hex')
        },
      }
    },
    remove: async () => {
      for (const removeCopy of copies) await removeCopy()
      await place.remove()
      await rm(tiny.project.root, { recursive: true, force: true })
    },
  }
}

async function digest(hash: ReturnType<typeof createHash>, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries
    .filter((each) => each.isFile())
    .sort((a, b) => (join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1))) {
    const file = join(entry.parentPath, entry.name)
    hash.update(file.slice(folder.length)).update(await readFile(file))
  }
}
