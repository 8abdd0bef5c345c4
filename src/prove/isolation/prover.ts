import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import type { EvidenceStep } from '../../ledger/evidence.ts'
import type { Guarantee } from '../../plan/guarantee.ts'
import { withClient } from '../../postgres/connection.ts'
import { startServer } from '../../postgres/launch.ts'
import { howToOffer, missingExtension } from '../../postgres/migrations/missing-extension.ts'
import { systemMigrations } from '../../postgres/migrations/read.ts'
import { reachable, removeReachable } from '../../postgres/place.ts'
import { scratchBinaries } from '../../run/environment.ts'
import { prepareSystem } from '../../run/prepare-system.ts'
import type { Finding, ProofSession, Prover } from '../prover.ts'
import { breakIsolation, isolationMutants } from './faults.ts'
import { describeHole, type Judged, judge } from './hole.ts'
import { type IsolationResult, isolate } from './isolate.ts'
import { makeSchema } from './make-schema.ts'

/** Whether anybody gets at rows of another: every table, operation and role of a database of its own, made by the migrations. */
export const isolationProver: Prover = {
  kind: 'isolation',
  needsExercise: false,
  accepts: ({ id }, { plan }) => id === 'isolation/database/rows' && plan.database?.rowSecurity !== undefined,
  async *prove(guarantees, session) {
    for (const guarantee of guarantees) yield await prove(guarantee, session)
  },
  mutants: isolationMutants,
}

async function prove(guarantee: Guarantee, session: ProofSession): Promise<Finding> {
  const { clock } = session
  const startedAt = clock.now()
  const steps = session.steps(guarantee.id)
  const common = () => ({ guarantee, startedAt, tookMs: clock.now() - startedAt })
  try {
    const { result, stopped } = await attackScratch(session)
    const accepted = session.system.plan.database?.rowSecurity?.accepted ?? {}
    const judged = judge(result.holes, accepted)
    const all = [...steps.done(), ...told(result, judged)]
    const unsure = uncertainty(result, stopped)
    if (judged.open.length === 0 && unsure !== undefined)
      return { ...common(), outcome: 'inconclusive', steps: all, ...unsure }
    return {
      ...common(),
      outcome: 'measured',
      measured: judged.open.length,
      sample: { size: result.statements, of: `statements against ${result.tables.length} tables with rows of tenants` },
      scale: null,
      steps: all,
      reason: stopped === undefined ? reasonOf(result, judged) : `${reasonOf(result, judged)}; ${unseen(stopped)}`,
      remedy: remedyOf(judged),
    }
  } catch (error) {
    session.signal.throwIfAborted()
    const missing = missingExtension(error)
    return {
      ...common(),
      outcome: 'inconclusive',
      steps: steps.done(),
      reason: `The attack could not be carried out: ${messageOf(error)}`,
      remedy: missing === undefined ? 'Look at what the server said, and prove again' : howToOffer(missing),
    }
  }
}

/** Makes a server with the schema alone, and attacks it. */
async function attackScratch(session: ProofSession): Promise<{ result: IsolationResult; stopped: string | undefined }> {
  const { system, scratch, clock, signal } = session
  const { database: plan } = system.plan
  if (plan?.rowSecurity === undefined) throw new Error('the plan promises no row security')
  const { rowSecurity } = plan
  const steps = session.steps('isolation/database/rows')
  const directory = await reachable(join(scratch.directory, 'isolation'))
  const server = await startServer({
    dataDirectory: directory,
    binaries: await scratchBinaries(system),
    clock,
    settings: plan.settings,
    standIns: plan.standIns,
  })
  try {
    const prepared = await steps.do(
      'schema made from the migrations',
      async () => {
        const made = await prepareSystem(server, system.name, plan, randomBytes(32))
        const migrations = await systemMigrations(system.directory, plan.migrations)
        return { ...made, stopped: await makeSchema(made.ownerUrl, migrations, { clock, signal }) }
      },
      ({ stopped }) => (stopped === undefined ? '' : `up to ${stopped}`),
    )
    const roles = Object.keys(plan.roles)
    const { owner, adminUrl } = prepared
    await withClient(adminUrl, (client) =>
      breakIsolation(client, session.faults, { roles, owner, tenant: rowSecurity.tenant }),
    )
    const result = await steps.do(
      'rows of two tenants made, and every way from one to the other tried',
      () => isolate({ adminUrl, owner, roles, rowSecurity, seed: session.seed, signal }),
      ({ statements, actors, settings }) =>
        `${statements} statements as ${actors.join(', ')}; who speaks is told by ${settings.join(', ') || 'nothing'}`,
    )
    return { result, stopped: prepared.stopped }
  } finally {
    await server.stop('immediate')
    await removeReachable(directory)
  }
}

const unseen = (stopped: string) => `Only what comes before it was attacked: ${stopped}`

const mostRemedies = 3

/** What closes the holes, each once: many a hole has the same cause. */
function remedyOf({ open }: Judged): string {
  const remedies = [...new Set(open.map(({ remedy }) => remedy))]
  if (remedies.length === 0) return 'Prove it again'
  const more = remedies.length > mostRemedies ? `; ${remedies.length - mostRemedies} more stand in the steps` : ''
  return `${remedies.slice(0, mostRemedies).join('; ')}${more}. What is meant to be so: database.rowSecurity.accepted, with a reason`
}

function uncertainty(
  { unmade, controlled }: IsolationResult,
  stopped: string | undefined,
): { reason: string; remedy: string } | undefined {
  if (stopped !== undefined)
    return {
      reason: unseen(stopped),
      remedy: 'Mend the migration, and prove again',
    }
  if (unmade.length > 0)
    return {
      reason: `Nothing is known of ${unmade.map(({ table }) => table).join(', ')}: ${unmade[0]?.why}`,
      remedy: 'Name values that its constraints allow in database.rowSecurity.rows',
    }
  if (!controlled)
    return {
      reason: 'Nobody could see rows of their own, so that every refusal may have another cause',
      remedy: 'Say in database.rowSecurity.identity by which settings a service says for whom it speaks',
    }
  return undefined
}

function reasonOf({ statements, tables }: IsolationResult, { open, accepted }: Judged): string {
  if (open.length > 0) {
    const more = open.length > 3 ? `; and ${open.length - 3} more` : ''
    return `${open.slice(0, 3).map(describeHole).join('; ')}${more}`
  }
  const known =
    accepted.length === 0 ? '' : `; ${accepted.length} that the plan accepts with a reason stand in the steps`
  return `None of ${statements} statements got from one tenant to the other in ${tables.length} tables${known}`
}

/** Holes, what is accepted, and what was not looked at: all of it stays with the evidence. */
function told(
  { excepted, unmade, undecided, remarks }: IsolationResult,
  { open, accepted, idle }: Judged,
): EvidenceStep[] {
  const step = (name: string, outcome: EvidenceStep['outcome'], detail: string): EvidenceStep => ({
    name,
    outcome,
    tookMs: 0,
    detail,
  })
  return [
    ...open.map((hole) =>
      step(`hole: ${hole.role} ${hole.what} ${hole.on}`, 'failed', `${hole.statement}. ${hole.remedy}`),
    ),
    ...accepted.map(({ hole, by, reason }) =>
      step(`accepted (${by}): ${hole.role} ${hole.what} ${hole.on}`, 'done', `${hole.statement}. ${reason}`),
    ),
    ...idle.map((name) => step(`accepted (${name})`, 'skipped', 'Nothing showed it: the entry can go from the plan')),
    ...unmade.map(({ table, why }) => step(`rows of ${table}`, 'failed', why)),
    ...undecided.map((what) =>
      step(
        `not decided: ${what}`,
        'skipped',
        'Something else refused it before row security was asked, as the code at the end says: a trigger, a constraint, a column or a function',
      ),
    ),
    ...remarks.map(({ on, what }) => step(`noted: ${on}`, 'done', what)),
    ...excepted.map((table) => step(`table ${table}`, 'skipped', 'The plan leaves it out')),
  ]
}
