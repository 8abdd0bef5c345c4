import { failure } from '../errors.ts'
import type { Evidence } from '../ledger/evidence.ts'
import { openLedger } from '../ledger/ledger.ts'
import { deriveGuarantees } from '../plan/derive.ts'
import type { Project, System } from '../project/project.ts'
import { conclude } from '../prove/conclude.ts'
import { proveExternally } from '../prove/external/prove-external.ts'
import { isMeant } from '../prove/provers.ts'
import { countVerdicts, type Proof } from '../prove/report/proof.ts'
import { proofTable, proofTroubles } from '../prove/report/table.ts'
import { readSubjects } from '../prove/subject.ts'
import type { CommandContext, ExitCode } from './command.ts'
import { externalUrl } from './external-url.ts'
import { showProgress } from './progress.ts'
import { runFacts } from './run-facts.ts'
import { serverVersionOf } from './server-version.ts'

export interface ServerChoice {
  /** A key of `database.servers`. */
  environment: string
  only: readonly string[]
  seed: number
  json?: true
}

/**
 * Asks a server others work with what reading tells of the promises. The evidence is kept under ids of its own, `<guarantee>@<environment>`, so that it never stands in for a proof in a scratch
 * environment, nor that for it.
 * @throws NO_DATABASE, MIGRATE_NO_URL, MIGRATE_NO_SERVER
 */
export async function proveAtServer(
  project: Project,
  system: System,
  choice: ServerChoice,
  context: CommandContext,
): Promise<{ evidence: readonly Evidence[]; exit: ExitCode }> {
  const { clock, signal } = context
  const { environment } = choice
  const plan = system.plan.database
  if (plan === undefined) throw failure('NO_DATABASE', { system: system.name, file: system.planFile })
  const external = externalUrl(system, plan, choice, process.env)
  const guarantees = deriveGuarantees(system.plan).filter((each) =>
    isMeant(each, { only: choice.only, thorough: false }),
  )
  const subjectOf = await readSubjects(system, await serverVersionOf(system))
  const facts = await runFacts(project, system, choice.seed, 'full')
  const ledger = openLedger(project.state, clock)
  ledger.requireWritable()
  const progress = showProgress(context)
  const proofs: Proof[] = []
  try {
    const options = { system, url: external.url, guarantees, clock, signal, progress: progress.step }
    for await (const finding of proveExternally(options)) {
      const guarantee = { ...finding.guarantee, id: `${finding.guarantee.id}@${environment}` }
      const evidence = conclude({ ...finding, guarantee }, subjectOf(finding.guarantee), {
        ...facts,
        environment: { ...facts.environment, server: environment },
      })
      ledger.append(evidence)
      proofs.push({ guarantee, evidence, verdict: evidence.verdict, fresh: true })
    }
  } finally {
    progress.end()
    ledger.close()
  }
  const counts = countVerdicts(proofs)
  if (choice.json !== true) {
    const judged = proofs.filter(({ verdict }) => verdict !== 'inconclusive')
    context.out(
      [
        `\n${system.plan.title ?? system.name}, ${environment}: the server of ${external.variable}, read and not written to`,
        proofTable(proofs, context.interactive),
        ...[proofTroubles(judged)].filter((text) => text !== '').map((text) => `\n${text}`),
        ...unread(proofs),
        `\n${counts.proven} proven, ${counts.refuted} refuted, ${counts.inconclusive} cannot be judged by reading.\n`,
      ].join('\n'),
    )
  }
  return {
    evidence: proofs.flatMap(({ evidence }) => evidence ?? []),
    exit: counts.refuted > 0 ? 1 : counts.inconclusive > 0 ? 3 : 0,
  }
}

/** Most promises need the same few things: each reason once, with how many it keeps from being judged. */
function unread(proofs: readonly Proof[]): string[] {
  const reasons = Map.groupBy(
    proofs.filter(({ verdict }) => verdict === 'inconclusive'),
    ({ evidence }) => evidence?.reason ?? '',
  )
  return [...reasons].map(([reason, those]) => {
    const [first] = those
    const about = those.length === 1 ? first?.guarantee.id : `${those.length} promises, such as ${first?.guarantee.id}`
    return `\n${about}\n  ${reason}\n  Next: ${first?.evidence?.remedy}`
  })
}
