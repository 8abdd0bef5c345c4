import { delimiter, dirname } from 'node:path'
import { runToEnd } from '../../process.ts'
import { createBackup } from '../../recovery/backup/base-backup.ts'
import { restoreWindow } from '../../recovery/restore/restore-point.ts'
import { oncePerSession } from '../once.ts'
import type { ProofSession } from '../prover.ts'
import { type Machine, machineOf } from '../recovery/machine.ts'
import { siteOf } from '../recovery/site.ts'
import type { Block } from './blocks.ts'
import { historyIn, writeProgram } from './program.ts'
import { type Surroundings, surroundingsOf } from './surroundings.ts'

/** Where whoever is on call sits: a shell in a project of their own, with the variables that runbooks ask them to set. */
export interface Desk extends Surroundings {
  /** Waits until a moment can be restored. @throws after half a minute */
  untilStored(moment: number): Promise<void>
  /** Gives a block to a shell that stops at the first command that fails. */
  run(
    block: Pick<Block, 'language' | 'role' | 'text'>,
    variables: Readonly<Record<string, string>>,
  ): Promise<{ code: number | null; output: string }>
}

const blockTimeoutMs = 180_000

/** A desk at a machine with an archive and a backup, and with clients where the system has an exercise. Made once a session. */
export const deskOf = oncePerSession(async (session: ProofSession): Promise<Desk> => {
  const { machine, userId } = await (session.system.plan.exercise === undefined ? quiet(session) : busy(session))
  // What the archive has not stored yet no restore can reach.
  await machine.archive()
  const { operator, repository } = machine
  await writeProgram(session, operator)
  await historyIn(operator.project.root)
  const surroundings = await surroundingsOf(session, machine, userId === undefined ? {} : { USER_ID: userId })
  return {
    ...surroundings,
    untilStored: async (moment) => {
      const { clock } = session
      const deadline = clock.now() + 30_000
      for (;;) {
        const window = await restoreWindow(repository)
        if (window !== undefined && window.to > moment) return
        if (clock.now() > deadline) throw new Error('the archive did not store the moment before')
        await clock.sleep(100, session.signal)
      }
    },
    run: async ({ text, language, role }, variables) => {
      const env = {
        ...process.env,
        CI: '1',
        NO_COLOR: '1',
        PAGER: 'cat',
        PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
        ...variables,
      }
      const asked = [
        '-X',
        '--set',
        'ON_ERROR_STOP=1',
        variables['DB'] ?? '',
        ...(role === undefined ? [] : ['-c', `SET ROLE "${role}"`]),
        '-c',
        text,
      ]
      const { code, stdout, stderr } = await runToEnd({
        ...(language === 'sql'
          ? { program: 'psql', args: asked }
          : { program: 'bash', args: ['-eu', '-o', 'pipefail', '-c', text] }),
        cwd: operator.project.root,
        env,
        timeoutMs: blockTimeoutMs,
      })
      return { code, output: `${stdout}\n${stderr}` }
    },
  }
})

interface Seat {
  machine: Machine
  /** A user who has rows. */
  userId: string | undefined
}

async function busy(session: ProofSession): Promise<Seat> {
  const site = await siteOf(session)
  const [client] = site.clients
  return { machine: site, userId: client === undefined ? undefined : session.exercise.tenantOf?.(client) }
}

/** Nobody works with a system that brings no clients; what runbooks do to it they can do all the same. */
async function quiet(session: ProofSession): Promise<Seat> {
  const machine = await machineOf(session)
  const receiver = await machine.archive()
  const { environment, repository } = machine
  await session
    .steps('recovery')
    .do('base backup', () =>
      createBackup({ url: environment.server.url(), repository, clock: session.clock, receiver }),
    )
  machine.announce()
  return { machine, userId: undefined }
}
