import type { Command } from 'commander'
import type { Evidence } from '../ledger/evidence.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import { findProject } from '../project/find-project.ts'
import { loadSystem } from '../project/load-system.ts'
import type { Project, System } from '../project/project.ts'
import { proveRequests } from '../prove/requests/prove-requests.ts'
import { effortOf, fullRequests, requestsProver } from '../prove/requests/prover.ts'
import { openSession } from '../prove/session.ts'
import { chooseSystems } from './choose-systems.ts'
import { type CommandContext, usage } from './command.ts'
import { findingKeeper, tellEvidence } from './soak-evidence.ts'

interface Flags {
  all?: true
  count?: number
  seconds?: number
  seed: number
  json?: true
}

/** `aval soak requests`, on a command that has the options of every soak. */
export function registerSoakRequests(command: Command, context: CommandContext): void {
  command
    .description(
      'Requests of every kind for every operation of the OpenAPI documents: valid, at the bounds, malformed, hostile; each answer, log and metric is judged, and kept as evidence.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  aval soak requests medtime --count 10000\n\nExit codes: 0 all were answered as declared, 1 one was not, 2 the command line is wrong, 3 it could not be judged.',
    )
    .action(async (name: string | undefined, flags: Flags) => {
      if (flags.count === undefined && flags.seconds === undefined)
        throw usage('soak requests', 'Say how long: --count or --seconds.')
      const project = await findProject(context.cwd, context.home)
      const evidence: Evidence[] = []
      for (const each of chooseSystems(project, name, flags.all === true, 'soak requests')) {
        const system = await loadSystem(project, each)
        const found = await soakSystem(project, system, flags, context)
        if (found.length === 0 && !flags.all)
          throw usage('soak requests', `No service of ${system.name} names its openapi document in the plan.`)
        evidence.push(...found)
      }
      tellEvidence(evidence, 'guarantee', flags, context)
    })
}

async function soakSystem(
  project: Project,
  system: System,
  flags: Flags,
  context: CommandContext,
): Promise<Evidence[]> {
  const { clock, signal } = context
  const guarantees = deriveGuarantees(system.plan).filter(
    (guarantee) => guarantee.kind === requestsProver.kind && requestsProver.accepts(guarantee, system),
  )
  if (guarantees.length === 0) return []
  context.err(`${system.name}, seed ${flags.seed}\n`)
  const keep = await findingKeeper(project, system, flags.seed, context)
  const evidence: Evidence[] = []
  const { session, close } = await openSession({
    system,
    state: project.state,
    clock,
    seed: flags.seed,
    effort: 'full',
    signal,
    progress: () => undefined,
    log: () => undefined,
  })
  try {
    for (const guarantee of guarantees) {
      const share = Math.ceil((flags.count ?? Number.POSITIVE_INFINITY) / guarantees.length)
      const end = clock.now() + ((flags.seconds ?? Number.POSITIVE_INFINITY) * 1_000) / guarantees.length
      let asked = 0
      const finding = await proveRequests(guarantee, session, {
        casesOfAnOperation: 3,
        until: (sent) => {
          asked = sent
          return sent < share && clock.now() < end
        },
        told: (line) => context.err(`${line}\n`),
      })
      signal.throwIfAborted()
      // A few requests are no proof like those of `prove`, whatever they found.
      const effort = effortOf(asked)
      if (effort === 'fast') context.err(`${guarantee.id}: bounded, a full proof sends ${fullRequests} requests\n`)
      evidence.push(await keep(finding, effort))
    }
  } finally {
    await close()
  }
  return evidence
}
