import { access, chmod, chown, constants, mkdir } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { failure } from '../../errors.ts'
import { type Account, serverAccount } from '../../postgres/account.ts'
import { serverEnvironment } from '../../postgres/cluster.ts'
import { reachable } from '../../postgres/place.ts'
import { writeOwned } from '../durable.ts'
import type { Repository } from '../repository/repository.ts'
import { runTool } from '../run-tool.ts'

/** Where pgBackRest keeps the backups of one system, and how it is run. */
export interface Stanza {
  /** Its own name of a system. */
  name: string
  /** Absolute path of the program. */
  program: string
  /** Folder of its repository. */
  place: string
  /** Settings of the server it backs up, and the password to ask it with; this machine's alone. */
  serverConfig: string
  passwordFile: string
  /** Runs it as the account of servers, which owns the repository. `config` is that for reading unless told. */
  run(args: readonly string[], options?: RunStanza): Promise<string>
  /** Writes a configuration that reads the repository, for a restored server for example. */
  writeConfig(file: string, server?: ServerLines): Promise<void>
}

export interface RunStanza {
  config?: string
  signal?: AbortSignal | undefined
}

interface ServerLines {
  dataDirectory: string
  port: number
  user: string
}

/**
 * @param options.folder on this machine, for its configuration and locks.
 * @throws PGBACKREST_MISSING, ENGINE_STORE_UNSUPPORTED for a store that is no directory.
 */
export async function openStanza(options: { repository: Repository; folder: string }): Promise<Stanza> {
  const { repository } = options
  if (!isAbsolute(repository.store.place)) {
    throw failure('ENGINE_STORE_UNSUPPORTED', { place: repository.store.place })
  }
  const program = await findProgram()
  const account = serverAccount()
  // Beside Aval's own objects, which its account must not be able to enter.
  const place = await ownFolder(`${repository.store.place}.pgbackrest`, account)
  const folder = await ownFolder(join(options.folder, 'pgbackrest'), account)
  const name = repository.system
  const readConfig = join(folder, 'read.conf')
  const passwordFile = join(folder, 'pgpass')
  const writeConfig: Stanza['writeConfig'] = (file, server) => {
    const lines = [
      '[global]',
      `repo1-path=${place}`,
      'repo1-cipher-type=aes-256-cbc',
      // Derived from the repository key, one way; without that key nobody reads the backups.
      `repo1-cipher-pass=${repository.digest(Buffer.from('passphrase of pgBackRest'))}`,
      // What is deleted, and when, is decided elsewhere.
      'repo1-retention-full=9999999',
      'expire-auto=n',
      'compress-type=lz4',
      'process-max=2',
      'start-fast=y',
      // Its repository is a directory: what cannot be read now cannot be read in fifteen seconds.
      'job-retry=0',
      'log-level-file=off',
      'log-level-console=off',
      'log-level-stderr=error',
      // Those it has unless told belong to the account that Debian's package made: an ordinary user may not even look.
      `lock-path=${join(folder, 'lock')}`,
      `spool-path=${join(folder, 'spool')}`,
      '',
      `[${name}]`,
      ...(server ? [`pg1-path=${server.dataDirectory}`, `pg1-port=${server.port}`, `pg1-user=${server.user}`] : []),
    ]
    return writeOwned(file, `${lines.join('\n')}\n`, account)
  }
  await writeConfig(readConfig)
  return {
    name,
    program,
    place,
    serverConfig: join(folder, 'server.conf'),
    passwordFile,
    writeConfig,
    run: (args, { config = readConfig, signal } = {}) =>
      runTool({
        program,
        args: [`--config=${config}`, `--stanza=${name}`, ...args],
        env: { ...serverEnvironment, PGPASSFILE: passwordFile, PGHOST: '127.0.0.1' },
        account,
        signal,
        show: legible,
      }),
  }
}

/** Errors and hints; what it quotes of a file that it could not decrypt is no text. */
function legible(line: string): string | undefined {
  const text = line.trim()
  const garbled = /[^\t\x20-\x7e]/.exec(text)
  return text === '' ? undefined : (garbled ? `${text.slice(0, garbled.index)}...` : text).slice(0, 300)
}

async function ownFolder(path: string, account: Account | undefined): Promise<string> {
  const folder = await reachable(path)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  if (account) await chown(folder, account.uid, account.gid)
  return folder
}

async function findProgram(): Promise<string> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']) {
    const program = join(folder, 'pgbackrest')
    const there = await access(program, constants.X_OK).then(
      () => isAbsolute(program),
      () => false,
    )
    if (there) return program
  }
  throw failure('PGBACKREST_MISSING', {})
}
