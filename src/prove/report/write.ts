import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { timestamp } from '../../clock.ts'
import type { Project, System } from '../../project/project.ts'
import { htmlDocument, markdownDocument } from './document.ts'
import { htmlReport } from './html.ts'
import type { Proof } from './proof.ts'
import { scenarioMatrix } from './scenario-matrix.ts'
import { scenarioDocument, scenarioReport } from './scenario-report.ts'

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
  const base = join(folder, `scenario-${name}`)
  const document = scenarioDocument(report)
  await replaceFile(`${base}.md`, markdownDocument(document))
  await replaceFile(`${base}.html`, htmlDocument(document))
  await replaceFile(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`)
}

async function replaceFile(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content)
  await rename(`${file}.new`, file)
}
