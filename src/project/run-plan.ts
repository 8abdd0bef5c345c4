import { readFileSync } from 'node:fs'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { z } from 'zod'
import { type AvalError, failure, type Location } from '../errors.ts'
import { formatBytes } from '../plan/units.ts'
import { startChild } from '../process.ts'
import { type PlanSource, parsePlanSource, SyntaxProblem } from './plan-source.ts'

/** Aval runs as TypeScript from a checkout and as JavaScript from `node_modules`; the child runs as its parent does. */
const extension = extname(import.meta.filename)
const planProcess = join(import.meta.dirname, `plan-process${extension}`)
const ownIndex = pathToFileURL(join(import.meta.dirname, `../index${extension}`)).href

const answerSchema = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('value'), value: z.unknown() }),
  z.object({
    outcome: z.literal('not-data'),
    problems: z.array(z.object({ path: z.array(z.union([z.string(), z.number()])), what: z.string() })),
  }),
  z.object({ outcome: z.literal('no-default'), exports: z.array(z.string()) }),
  z.object({
    outcome: z.literal('threw'),
    name: z.string(),
    message: z.string(),
    code: z.string().nullable(),
    stack: z.string(),
  }),
])
type Answer = z.infer<typeof answerSchema>

export interface RunPlanLimits {
  /** Milliseconds for the whole of it. */
  timeoutMs: number
  /** Bytes of the answer. */
  answerBytes: number
}

const usual: RunPlanLimits = { timeoutMs: 10_000, answerBytes: 2_000_000 }

/**
 * The default export of a plan, as plain data. The plan runs in a process of its own that may read files and nothing more: it
 * cannot write, start programs or use the network, and sees none of the environment.
 *
 * @throws PLAN_SYNTAX, PLAN_IMPORT, PLAN_THREW, PLAN_DENIED, PLAN_ENDLESS, PLAN_EXITED, PLAN_NO_DEFAULT, PLAN_NOT_DATA,
 * PLAN_TOO_LARGE, each with its place where that can be known.
 */
export async function runPlan(file: string, limits: RunPlanLimits = usual): Promise<unknown> {
  const child = await startChild({
    program: process.execPath,
    args: [
      '--no-warnings',
      '--permission',
      '--allow-fs-read=*',
      '--max-old-space-size=256',
      planProcess,
      pathToFileURL(file).href,
      ownIndex,
    ],
    cwd: dirname(file),
    env: {},
    channel: true,
  })
  // What a plan prints is nobody's answer; it is read only so that the plan does not block on a full pipe.
  child.process.stdout?.resume()
  child.process.stderr?.resume()
  const chunks: Buffer[] = []
  let received = 0
  let cut: 'time' | 'size' | undefined
  const channel = child.process.stdio[3]
  channel?.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received <= limits.answerBytes) chunks.push(chunk)
    else {
      cut = 'size'
      child.signal('SIGKILL')
    }
  })
  channel?.on('error', () => {})
  const timer = setTimeout(() => {
    cut ??= 'time'
    child.signal('SIGKILL')
  }, limits.timeoutMs)
  const ending = await child.ended
  clearTimeout(timer)
  if (cut === 'size') throw failure('PLAN_TOO_LARGE', { limit: formatBytes(limits.answerBytes) }, { where: { file } })
  if (cut === 'time') throw failure('PLAN_ENDLESS', { seconds: limits.timeoutMs / 1000 }, { where: { file } })

  const answer = parseAnswer(Buffer.concat(chunks).toString('utf8'))
  // Code 13 is Node's for a module that awaits what never settles.
  if (!answer && ending.code === 13) {
    throw failure('PLAN_ENDLESS', { seconds: limits.timeoutMs / 1000 }, { where: { file } })
  }
  if (!answer) {
    const outcome = ending.signal ? `signal ${ending.signal}` : `exit code ${ending.code}`
    throw failure('PLAN_EXITED', { outcome }, { where: { file } })
  }
  if (answer.outcome === 'value') return answer.value
  throw asFailure(file, answer)
}

function parseAnswer(text: string): Answer | undefined {
  try {
    return answerSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function asFailure(file: string, answer: Exclude<Answer, { outcome: 'value' }>): AvalError {
  switch (answer.outcome) {
    case 'no-default': {
      const exports = answer.exports.length > 0 ? `it exports ${answer.exports.join(', ')}` : 'it exports nothing'
      return failure('PLAN_NO_DEFAULT', { exports }, { where: { file } })
    }
    case 'not-data': {
      const source = sourceOf(file)
      const named = answer.problems.map(({ path, what }) => `${what} at ${path.join('.') || 'the top'}`)
      const where = source?.locate(answer.problems[0]?.path ?? []) ?? { file }
      return failure('PLAN_NOT_DATA', { problems: named.join('; ') }, { where })
    }
    case 'threw':
      return thrownFailure(file, answer)
  }
}

function thrownFailure(file: string, thrown: Extract<Answer, { outcome: 'threw' }>): AvalError {
  const message = firstLine(thrown.message)
  const missing = /^Cannot find (?:module|package) '([^']+)' imported from (.+)$/.exec(message)
  if (missing?.[1] !== undefined && missing[2] !== undefined) {
    const importer = missing[2].startsWith('file:') ? fileURLToPath(missing[2]) : missing[2]
    const { specifier, where } = importOf(importer, missing[1])
    return failure('PLAN_IMPORT', { problem: `"${specifier}" is imported here and is not there.` }, { where })
  }
  const unnamed = /^The requested module '([^']+)' does not provide an export named '([^']+)'/.exec(message)
  if (unnamed?.[1] !== undefined && unnamed[2] !== undefined) {
    const problem = `"${unnamed[1]}" exports nothing called "${unnamed[2]}".`
    return failure('PLAN_IMPORT', { problem }, { where: importOf(file, unnamed[1]).where })
  }
  if (thrown.code === 'ERR_ACCESS_DENIED') {
    return failure('PLAN_DENIED', { problem: message }, { where: framePlace(thrown.stack) ?? { file } })
  }
  const isSyntax = thrown.name === 'SyntaxError' || thrown.code?.startsWith('ERR_INVALID_TYPESCRIPT') === true
  const syntax = isSyntax ? findSyntaxProblem(file) : undefined
  if (syntax) return failure('PLAN_SYNTAX', { problem: syntax.message }, { where: syntax.where })
  const frame = framePlace(thrown.stack)
  // Without a frame of the plan's own the text itself could not be taken in, such as an enum.
  if (isSyntax && !frame)
    return failure('PLAN_SYNTAX', { problem: message }, { where: headPlace(thrown.stack) ?? { file } })
  if (thrown.code?.startsWith('ERR_') && !frame)
    return failure('PLAN_IMPORT', { problem: message }, { where: { file } })
  return failure('PLAN_THREW', { problem: message }, { where: frame ?? { file } })
}

/** The import by which a file asked for `target`, a package or an absolute path: as it was written, and where. */
function importOf(importer: string, target: string): { specifier: string; where: Location } {
  const leads = (specifier: string) => specifier === target || resolve(dirname(importer), specifier) === target
  const found = sourceOf(importer)?.imports.find(({ specifier }) => leads(specifier))
  return found ?? { specifier: target, where: { file: importer } }
}

/** The first stack frame in a person's own file. */
function framePlace(stack: string): Location | undefined {
  for (const [, url = '', line, column] of stack.matchAll(/at .*?\(?(file:\/\/[^\s)]+?):(\d+):(\d+)\)?$/gm)) {
    const file = fileURLToPath(url)
    if (file === planProcess || file.includes('/node_modules/')) continue
    return { file, line: Number(line), column: Number(column) }
  }
  return undefined
}

/** Node heads the stack of a syntax error with `file:line`. */
function headPlace(stack: string): Location | undefined {
  const head = /^(file:\/\/\S+?|\/\S+?):(\d+)$/m.exec(stack)
  if (head?.[1] === undefined) return undefined
  return { file: head[1].startsWith('file:') ? fileURLToPath(head[1]) : head[1], line: Number(head[2]) }
}

/** Looks for the broken file: the plan itself, else what it imports from beside it. */
function findSyntaxProblem(file: string, seen = new Set<string>()): SyntaxProblem | undefined {
  if (seen.has(file)) return undefined
  seen.add(file)
  try {
    const source = parsePlanSource(file, readFileSync(file, 'utf8'))
    for (const { specifier } of source.imports) {
      if (!specifier.startsWith('.') || !/\.[mc]?[jt]s$/.test(specifier)) continue
      const problem = findSyntaxProblem(resolve(dirname(file), specifier), seen)
      if (problem) return problem
    }
  } catch (error) {
    if (error instanceof SyntaxProblem) return error
  }
  return undefined
}

function sourceOf(file: string): PlanSource | undefined {
  try {
    return parsePlanSource(file, readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.trim() ?? ''
}
