import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Binaries } from '../postgres/binaries.ts'
import { startServer } from '../postgres/launch.ts'
import { psqlCommand, writePsqlServices } from '../run/psql-service.ts'
import type { CommandContext } from './command.ts'

/**
 * Starts a restored directory on a free port of this machine, says how to look into it, and stops it again when the person has seen enough
 * or the server ends. Nothing else of the system runs on it.
 * @throws errors of the start of a server
 */
export async function serveRestored(
  options: { dataDirectory: string; binaries: Binaries; database: string },
  { clock, signal, out }: Pick<CommandContext, 'clock' | 'signal' | 'out'>,
): Promise<void> {
  const { dataDirectory, binaries, database } = options
  const server = await startServer({ dataDirectory, binaries, clock })
  // Only whoever restored may read it: on the command line of psql every account would see the password.
  const folder = await mkdtemp(join(tmpdir(), 'aval-look-'))
  try {
    await server.waitUntilWritable()
    const adminUrl = server.url({ database })
    writePsqlServices(folder, { adminUrl, ownerUrl: adminUrl })
    out(`To look into it, in another terminal, until Ctrl-C here:
  ${psqlCommand(folder)}
Without psql any client does: 127.0.0.1, port ${new URL(adminUrl).port}, user ${new URL(adminUrl).username}, database ${database}, the password in ${dataDirectory}.secret
`)
    await Promise.race([aborted(signal), server.ended])
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
  out(`It is stopped again; ${dataDirectory} stays as it is.\n`)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
