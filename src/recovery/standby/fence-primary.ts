import { join } from 'node:path'
import type { Clock } from '../../clock.ts'
import { serverAccount } from '../../postgres/account.ts'
import { markFenced } from '../../postgres/fence.ts'
import { clearLeftover } from '../../postgres/leftover.ts'
import { claim } from '../../postgres/owner.ts'
import type { OwnedServer } from '../../postgres/server.ts'
import { isErrno, writeOwned } from '../durable.ts'

export interface FenceOptions {
  dataDirectory: string
  /** The server on it, when this process runs it. */
  server: OwnedServer | undefined
  generation: number
  successor: string
  clock: Clock
}

/**
 * Makes sure that an old primary never serves again, in this life or after a reboot: the mark first, so that nobody starts it
 * behind our back; then an end to whatever runs, which a stopped process (SIGSTOP) cannot evade; then the signal file of a
 * standby, so that Postgres itself takes no writes even when somebody starts it without Aval. May be repeated.
 * @throws POSTGRES_IN_USE, POSTGRES_RUNNING_ELSEWHERE when it runs under somebody else, who is not ended by us.
 */
export async function fencePrimary(options: FenceOptions): Promise<void> {
  const { dataDirectory, server, generation, successor, clock } = options
  await markFenced(dataDirectory, { generation, successor, at: clock.now() })
  if (server?.running()) await server.kill()
  await server?.ended
  const ownership = await claim(dataDirectory)
  try {
    await clearLeftover(dataDirectory, ownership.abandoned, clock)
    await writeOwned(join(dataDirectory, 'standby.signal'), '', serverAccount()).catch((error: unknown) => {
      // The directory itself was lost: nothing can be started on it.
      if (!isErrno(error, 'ENOENT')) throw error
    })
  } finally {
    await ownership.release()
  }
}
