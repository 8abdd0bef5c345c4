import { existsSync } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { failure, messageOf } from '../../errors.ts'
import { serverAccount } from '../../postgres/account.ts'
import type { Binaries } from '../../postgres/binaries.ts'
import { serverEnvironment } from '../../postgres/cluster.ts'
import { withClient } from '../../postgres/connection.ts'
import { liftFence } from '../../postgres/fence.ts'
import { clearLeftover } from '../../postgres/leftover.ts'
import { claim } from '../../postgres/owner.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { runOrFail } from '../../process.ts'
import { syncDirectory, writeOwned } from '../durable.ts'
import { identifyServer } from '../repository/server-identity.ts'
import { formatLsn, type Lsn, parseSegmentName, segmentAt } from '../wal/lsn.ts'
import { connectReplication } from '../wal/replication.ts'
import { parseHistory } from '../wal/timeline-history.ts'
import type { Clone } from './clone-cluster.ts'
import { type CreateOptions, copyAndFollow, follow, prepareLink } from './create-standby.ts'
import { replicationUrl, setSynchronous, writeStandbySettings } from './link.ts'
import { type Pair, writePair } from './pair.ts'
import { requirePair } from './promote-standby.ts'
import { markReleased } from './released.ts'
import { renewSlot } from './slot.ts'
import { type Unreceived, unreceivedWal } from './unreceived.ts'

export interface RejoinOptions extends Omit<CreateOptions, 'directory' | 'synchronous'> {
  binaries: Binaries
  /** `delta` copies what differs even where pg_rewind is installed. */
  method?: 'delta'
}

export interface Rejoined {
  server: OwnedServer
  /** pg_rewind, or a copy of what differs, each file checked against the manifest. */
  method: 'rewind' | 'delta'
  copy: Clone | undefined
  /** What the old primary had committed alone; its WAL was put aside before it was overwritten. */
  aside: KeptAside | undefined
}

export interface KeptAside {
  directory: string
  from: string
  to: string
  commits: number
}

/**
 * Brings the directory that is not the primary back as its standby: an old primary, or a standby that cannot catch up. What an
 * old primary wrote after the new one had branched off is put aside, never thrown away silently. Interrupted, it can be
 * repeated; the fence goes only when the directory is that of a standby.
 * @throws STANDBY_ABSENT, POSTGRES_IN_USE while it still runs, and as `createStandby`.
 */
export async function rejoinStandby(options: RejoinOptions): Promise<Rejoined> {
  const { primary, pairFile, clock, log } = options
  const pair = await requirePair(pairFile)
  if (pair.promotion !== undefined) throw failure('STANDBY_NOT_READY', { state: 'promotion begun' })
  if (pair.primary !== primary.dataDirectory)
    throw failure('UNEXPECTED', { problem: 'the server that runs is not the primary of the pair' })
  const directory = pair.standby
  const ownership = await claim(directory)
  try {
    await clearLeftover(directory, ownership.abandoned, clock)
  } finally {
    await ownership.release()
  }
  if (pair.state === 'following' && pair.synchronous) await markReleased(pairFile, pair.generation, clock.now())
  await setSynchronous(primary, false)
  const { address, password } = await prepareLink(options)
  const aside =
    pair.state === 'fenced' ? await keepDiverged(pair, replicationUrl(address, password), clock.now()) : undefined
  if (aside) log(`${aside.commits} transactions the old primary committed alone are kept in ${aside.directory}`)

  if (pair.state === 'fenced' && options.method !== 'delta' && canRewind(options.binaries, directory)) {
    try {
      await renewSlot(primary)
      await rewind(options, directory)
      await writeStandbySettings(directory, address, password, serverAccount())
      await liftFence(directory)
      return { server: await follow(options, pair), method: 'rewind', copy: undefined, aside }
    } catch (error) {
      log(`pg_rewind did not bring it back (${messageOf(error)}); what differs is copied instead`)
    }
  }
  await writePair(pairFile, { ...pair, state: 'making' })
  await rm(join(directory, 'postmaster.pid'), { force: true })
  // From here on the directory is no cluster before it is that of a standby.
  await rm(join(directory, 'global', 'pg_control'), { force: true })
  await liftFence(directory)
  const made = await copyAndFollow(options, { ...pair, state: 'making' })
  await rm(rewinding(directory), { force: true })
  return { ...made, method: 'delta', aside }
}

/** Names of files left by a rewind that did not end: what it leaves half done only a copy repairs. */
const rewinding = (directory: string) => `${directory}.rewinding`

function canRewind(binaries: Binaries, directory: string): boolean {
  return existsSync(join(binaries.directory, 'pg_rewind')) && !existsSync(rewinding(directory))
}

async function rewind({ primary, binaries, primaryAddress }: RejoinOptions, directory: string): Promise<void> {
  const account = serverAccount()
  const source = new URL(primary.url())
  const passfile = `${directory}.rewind-passfile`
  const address = primaryAddress ?? { host: '127.0.0.1', port: primary.port }
  await writeFile(rewinding(directory), '')
  // Shortly after a promotion the source's control file still names the old timeline, which pg_rewind would believe.
  await withClient(primary.url(), (client) => client.query('CHECKPOINT'))
  await writeOwned(passfile, `*:*:*:${source.username}:${decodeURIComponent(source.password)}\n`, account)
  // It first lets Postgres recover the directory alone, which Postgres refuses for a standby.
  await rm(join(directory, 'standby.signal'), { force: true })
  try {
    await runOrFail({
      program: join(binaries.directory, 'pg_rewind'),
      args: [
        `--target-pgdata=${directory}`,
        `--source-server=host=${address.host} port=${address.port} user=${source.username} dbname=postgres`,
      ],
      cwd: '/',
      env: { ...serverEnvironment, PGPASSFILE: passfile },
      timeoutMs: 3_600_000,
      ...(account ? { account } : {}),
    })
  } finally {
    await rm(passfile, { force: true })
    await writeOwned(join(directory, 'standby.signal'), '', account)
  }
  await rm(rewinding(directory), { force: true })
}

/** Copies the WAL an old primary wrote after the branch beside its directory, when transactions committed in it. */
async function keepDiverged(pair: Pair, url: string, at: number): Promise<KeptAside | undefined> {
  const wal = join(pair.standby, 'pg_wal')
  if (!existsSync(wal)) return undefined
  const { entry, segmentBytes } = await branchOf(url)
  if (entry === undefined) return undefined
  const found = await unreceivedWal(pair.standby, entry.timeline, entry.end, segmentBytes)
  if (found.commits === 0) return undefined
  const directory = `${pair.standby}.diverged-${pair.generation}`
  const kept = describe(directory, found)
  if (existsSync(directory)) return kept
  const draft = `${directory}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  const first = segmentAt(entry.timeline, entry.end, segmentBytes).number
  const last = segmentAt(entry.timeline, found.to, segmentBytes).number
  for (const name of await readdir(wal)) {
    const segment = parseSegmentName(name, segmentBytes)
    const wanted = segment?.timeline === entry.timeline && segment.number >= first && segment.number <= last
    if (wanted) await copySynced(join(wal, name), join(draft, name))
  }
  const { firstAt, lastAt } = found
  await writeOwned(
    join(draft, 'diverged.json'),
    `${JSON.stringify({ ...kept, timeline: entry.timeline, firstAt, lastAt, keptAt: at }, null, 2)}\n`,
    undefined,
  )
  await syncDirectory(draft)
  await rename(draft, directory)
  await syncDirectory(join(directory, '..'))
  return kept
}

function describe(directory: string, { from, to, commits }: Unreceived): KeptAside {
  return { directory, from: formatLsn(from), to: formatLsn(to), commits }
}

async function branchOf(
  url: string,
): Promise<{ entry: { timeline: number; end: Lsn } | undefined; segmentBytes: number }> {
  const connection = await connectReplication(url, 'aval_rejoin')
  try {
    const { timeline, walSegmentBytes: segmentBytes } = await identifyServer(connection)
    if (timeline === 1) return { entry: undefined, segmentBytes }
    const [[, content] = []] = await connection.query(`TIMELINE_HISTORY ${timeline}`)
    return { entry: parseHistory(content ?? '').at(-1), segmentBytes }
  } finally {
    await connection.close()
  }
}

async function copySynced(from: string, to: string): Promise<void> {
  await copyFile(from, to)
  const handle = await open(to, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
