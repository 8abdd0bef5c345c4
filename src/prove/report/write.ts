import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { timestamp } from '../../clock.ts'
import type { Project, System } from '../../project/project.ts'
import { htmlReport } from './html.ts'
import type { Proof } from './proof.ts'

/**
 * Writes the report of a run as a page and as JSON, replacing the one before whole.
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
  return page
}

async function replaceFile(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content)
  await rename(`${file}.new`, file)
}
