import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Document, isMap, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { z } from 'zod'
import { failure, type Location } from '../errors.ts'
import type { System } from './project.ts'

/** One line of a system's requirements.yaml: what it must do, in the project's own words, and where that stands. */
const requirementSchema = z.strictObject({
  id: z.string().regex(/^[A-Z]{2}-[\w.]+$/, 'an id reads like MI-6.1'),
  statement: z.string().min(1),
  source: z.string().min(1),
})

export type Requirement = z.infer<typeof requirementSchema>

/** Something wrong in the requirements file, and where. */
export interface RequirementProblem {
  message: string
  where: Location
}

/** What of a system the requirements are found by. */
export type RequirementsHolder = Pick<System, 'name' | 'directory' | 'plan'>

/**
 * The requirements of a system, in the order of their file. A system whose plan says nothing about the file may do without.
 * @throws REQUIREMENTS_MISSING, REQUIREMENTS_INVALID with everything wrong at once.
 */
export async function loadRequirements(system: RequirementsHolder): Promise<Requirement[]> {
  const { requirements, problems } = await readRequirements(system)
  const first = problems[0]
  if (!first) return requirements
  const lines = problems.map(({ message, where }) => `\n  ${where.line ?? 1}:${where.column ?? 1} ${message}`)
  const count = lines.length === 1 ? 'one thing' : `${lines.length} things`
  throw failure('REQUIREMENTS_INVALID', { count, problems: lines.join('') }, { where: first.where })
}

/**
 * The requirements that can be read, and everything wrong in their file.
 * @throws REQUIREMENTS_MISSING
 */
export async function readRequirements(
  system: RequirementsHolder,
): Promise<{ requirements: Requirement[]; problems: RequirementProblem[] }> {
  const file = resolve(system.directory, system.plan.requirements)
  if (!existsSync(file)) {
    if (system.plan.requirements === usualFile) return { requirements: [], problems: [] }
    throw failure('REQUIREMENTS_MISSING', { name: system.name }, { where: { file } })
  }
  return parseRequirements(file, await readFile(file, 'utf8'))
}

/** Parses the text of a requirements file. */
export function parseRequirements(
  file: string,
  text: string,
): { requirements: Requirement[]; problems: RequirementProblem[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true })
  const at = (offset: number | undefined): Location => {
    if (offset === undefined) return { file }
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col }
  }
  const broken = [...document.errors, ...document.warnings]
  if (broken.length > 0) {
    const problems = broken.map((error) => ({
      message: error.message.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? error.code,
      where: at(error.pos[0]),
    }))
    return { requirements: [], problems }
  }
  if (document.contents === null) return { requirements: [], problems: [] }
  if (!isSeq<Node>(document.contents)) {
    return { requirements: [], problems: [{ message: 'the file is a list of requirements', where: at(0) }] }
  }

  const problems: RequirementProblem[] = []
  const firstPlace = new Map<string, Location>()
  const requirements = document.contents.items.flatMap((item) => {
    const where = at(item.range?.[0])
    const parsed = requirementSchema.safeParse(dataOf(item, document))
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        const member = isMap<Node, Node>(item) ? item.get(String(issue.path[0]), true) : undefined
        const label = issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''
        problems.push({ message: `${label}${issue.message}`, where: member?.range ? at(member.range[0]) : where })
      }
      return []
    }
    const earlier = firstPlace.get(parsed.data.id)
    if (earlier) {
      problems.push({ message: `${parsed.data.id} stands here again; it is first in line ${earlier.line}`, where })
      return []
    }
    firstPlace.set(parsed.data.id, where)
    return [parsed.data]
  })
  return { requirements, problems }
}

/** A node as plain data; undefined for aliases that grow without bound, which `yaml` refuses to follow. */
function dataOf(item: Node, document: Document): unknown {
  try {
    return item.toJS(document)
  } catch {
    return undefined
  }
}

const usualFile = './requirements.yaml'
