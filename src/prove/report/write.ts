import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { timestamp } from '../../clock.ts'
import type { Project, System } from '../../project/project.ts'
import { htmlReport } from './html.ts'
import type { Proof } from './proof.ts'
import { replaceFile } from './replace-file.ts'
import { scenarioMatrix } from './scenario-matrix.ts'
import { scenarioDocument, scenarioReport } from './scenario-report.ts'
import { writeDocument } from './write-document.ts'

/**
 * Writes the report of a run as a page and as JSON, replacing the one before whole, and one of each procedure it carried out.
 * @returns path of the page.
 */
export async function writeReport(
  project: Project,
  system: System,
  proofs: readonly Proof[],
  run: { at: number; tookMs: number; effort: string; seed: number; commit: string | null },
): Promise<string> {
  const folder = join(project.state, 'reports', system.name)
  await mkdir(folder, { recursive: true })
  const subject = {
    ...run,
    at: timestamp(run.at),
    system: system.name,
    title: system.plan.title ?? system.name,
    documents: system.plan.documents,
  }
  const page = join(folder, 'report.html')
  await replaceFile(page, htmlReport(subject, proofs))
  await replaceFile(join(folder, 'report.json'), `${JSON.stringify({ ...subject, proofs }, null, 2)}\n`)
  const matrix = scenarioMatrix(system.plan, proofs)
  await replaceFile(join(folder, 'scenarios.json'), `${JSON.stringify(matrix, null, 2)}\n`)
  for (const name of Object.keys(system.plan.recovery.procedures)) await writeScenario(folder, system, name, proofs)
  return page
}

/** The report of one procedure, when this run carried it out; the one before stays otherwise. */
async function writeScenario(folder: string, system: System, name: string, proofs: readonly Proof[]): Promise<void> {
  const fresh = proofs.some((proof) => proof.fresh && proof.guarantee.id.startsWith(`recovery/procedure:${name}/`))
  const report = fresh ? scenarioReport(system.plan, name, proofs) : undefined
  if (report === undefined) return
  await writeDocument(join(folder, `scenario-${name}`), scenarioDocument(report), report)
}
