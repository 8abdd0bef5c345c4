import { writeSync } from 'node:fs'
import { registerHooks } from 'node:module'

/*
 * Runs in a process of its own: imports the plan named on the command line and answers on file descriptor 3. The answer is
 * read by `run-plan.ts`; nothing else is meant to import this file.
 */

/** What the process answers; `run-plan.ts` parses it again, since a plan can write to the same descriptor. */
type Answer =
  | { outcome: 'value'; value: unknown }
  | { outcome: 'not-data'; problems: { path: (string | number)[]; what: string }[] }
  | { outcome: 'no-default'; exports: string[] }
  | { outcome: 'threw'; name: string; message: string; code: string | null; stack: string }

const [planUrl = '', ownIndex = ''] = process.argv.slice(2)

// A plan imports `aval`. Where the project has not installed it, the running Aval stands in.
registerHooks({
  resolve(specifier, context, next) {
    try {
      return next(specifier, context)
    } catch (error) {
      if (specifier === 'aval') return next(ownIndex, context)
      throw error
    }
  },
})

answer(await importPlan())
process.exit(0)

async function importPlan(): Promise<Answer> {
  try {
    const module: object = await import(planUrl)
    // Node reads a file without import and export as CommonJS, and its empty `module.exports` as a default export.
    if (!('default' in module) || 'module.exports' in module) {
      const exports = Object.keys(module).filter((name) => name !== 'default' && name !== 'module.exports')
      return { outcome: 'no-default', exports }
    }
    const problems: { path: (string | number)[]; what: string }[] = []
    const value = asData(module.default, [], new Set(), problems)
    return problems.length > 0 ? { outcome: 'not-data', problems } : { outcome: 'value', value }
  } catch (error) {
    return describe(error)
  }
}

function describe(error: unknown): Answer {
  if (!(error instanceof Error))
    return { outcome: 'threw', name: 'value', message: String(error), code: null, stack: '' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null
  return { outcome: 'threw', name: error.name, message: error.message, code, stack: error.stack ?? '' }
}

/** A copy of plain data. Everything that is not plain is named by its path, so that all of it is reported at once. */
function asData(
  value: unknown,
  path: (string | number)[],
  above: Set<object>,
  problems: { path: (string | number)[]; what: string }[],
): unknown {
  const refuse = (what: string): undefined => {
    if (problems.length < 50) problems.push({ path, what })
    return undefined
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : refuse(`the number ${value}`)
    case 'undefined':
      return typeof path.at(-1) === 'number' || path.length === 0 ? refuse('undefined') : undefined
    case 'object':
      break
    default:
      return refuse(typeof value === 'bigint' ? 'a BigInt' : `a ${typeof value}`)
  }
  if (value === null) return null
  if (above.has(value)) return refuse('an object that holds itself')
  if (path.length > 60) return refuse('an object nested deeper than 60 levels')
  const within = new Set(above).add(value)
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => asData(item, [...path, index], within, problems))
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return refuse(`a ${value.constructor.name}`)
  const copy: [string, unknown][] = Object.entries(value).map(([key, item]) => [
    key,
    asData(item, [...path, key], within, problems),
  ])
  return Object.fromEntries(copy)
}

function answer(message: Answer): void {
  let rest = Buffer.from(JSON.stringify(message))
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(3, rest))
    } catch (error) {
      // The reader is slower than we are; a broken pipe means that it has seen enough.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) return
    }
  }
}
