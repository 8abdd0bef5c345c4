import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { failure } from '../../errors.ts'
import { installedFolders } from '../../postgres/binaries.ts'
import { runToEnd } from '../../process.ts'

/** `pg_dump` and `pg_restore` of one version. */
export interface ClientTools {
  /** Absolute folder of the programs. */
  directory: string
  major: number
  /** As they print it: `15.18`. */
  version: string
}

/**
 * Finds the programs that dump and load databases; the npm packages of Postgres do not bring them.
 * @param atLeast major version of the server to dump, or of the programs that wrote a dump. The oldest that will do is taken, since newer
 * ones write settings that an older server does not know.
 * @param folders to look in; PATH and the usual places unless told.
 * @throws DUMP_TOOLS_MISSING naming what was found: older programs refuse newer servers.
 */
export async function findClientTools(atLeast: number, folders?: readonly string[]): Promise<ClientTools> {
  const found: ClientTools[] = []
  for (const directory of folders ?? (await installedFolders())) {
    const version = await versionIn(directory)
    if (version !== undefined) found.push({ directory, major: Number.parseInt(version, 10), version })
  }
  // /usr/bin holds a wrapper on Debian, which runs another version by itself: the programs proper go before it.
  const fitting = found
    .filter(({ major }) => major >= atLeast)
    .sort((a, b) => a.major - b.major || Number(isWrapper(a)) - Number(isWrapper(b)))
  const [best] = fitting
  if (best) return best
  const versions = found.map(({ version, directory }) => `${version} in ${directory}`)
  throw failure('DUMP_TOOLS_MISSING', { major: atLeast, found: versions.length === 0 ? 'none' : versions.join(', ') })
}

const isWrapper = ({ directory }: ClientTools) => directory === '/usr/bin' || directory === '/bin'

async function versionIn(directory: string): Promise<string | undefined> {
  for (const program of ['pg_dump', 'pg_restore']) {
    const there = await access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    )
    if (!there) return undefined
  }
  const result = await runToEnd({ program: join(directory, 'pg_dump'), args: ['--version'], cwd: '/' }).catch(
    () => undefined,
  )
  return result && /\(PostgreSQL\) (\d+(?:\.\d+|\w+)?)/.exec(result.stdout)?.[1]
}
