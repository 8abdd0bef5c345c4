import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { type Binaries, findBinaries } from '../postgres/binaries.ts'
import { startServer } from '../postgres/launch.ts'
import type { OwnedServer } from '../postgres/server.ts'
import { openRepository, type Repository } from './repository/repository.ts'
import { directoryStore } from './stores/directory-store.ts'
import { startWalReceiver, type WalReceiver, type WalReceiverOptions } from './wal/wal-receiver.ts'

/** A folder of its own for a test, with what every test of recovery needs. */
export interface Place {
  path(...parts: string[]): string
  binaries: Binaries
  repository: Repository
  /** A server on a data directory of the place; stopped with it. */
  server(name?: string, settings?: Record<string, string | number | boolean>): Promise<OwnedServer>
  /** Takes care that a server started elsewhere is stopped. */
  adopt(server: OwnedServer): OwnedServer
  receiver(server: OwnedServer, options?: Partial<WalReceiverOptions>): Promise<WalReceiver>
  remove(): Promise<void>
}

export const repositoryKey = new Uint8Array(32).fill(9)

export async function makePlace(choice: 'embedded' | 'installed' | Binaries = 'embedded'): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'aval-recovery-'))
  await chmod(directory, 0o755)
  const path = (...parts: string[]) => join(directory, ...parts)
  const binaries = typeof choice === 'string' ? await findBinaries(choice) : choice
  const store = directoryStore(path('repository'))
  const repository = await openRepository({ store, key: repositoryKey, system: 'shop' })
  const servers: OwnedServer[] = []
  const receivers: WalReceiver[] = []
  const adopt = (server: OwnedServer) => {
    servers.push(server)
    return server
  }
  return {
    path,
    binaries,
    repository,
    adopt,
    server: async (name = 'data', settings = {}) =>
      adopt(await startServer({ dataDirectory: path(name), binaries, clock: systemClock, settings })),
    receiver: async (server, options = {}) => {
      const receiver = await startWalReceiver({
        url: server.url(),
        repository,
        spool: path('spool'),
        slot: 'aval_shop',
        clock: systemClock,
        heartbeatMs: 200,
        pieceEveryMs: 100,
        ...options,
      })
      receivers.push(receiver)
      return receiver
    },
    remove: async () => {
      for (const receiver of receivers) await receiver.stop()
      for (const server of servers) if (server.running()) await server.stop('immediate')
      await rm(directory, { recursive: true, force: true })
    },
  }
}
