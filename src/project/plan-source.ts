import { tsPlugin } from '@sveltejs/acorn-typescript'
import { type Node, Parser } from 'acorn'
import type { Location } from '../errors.ts'
import type { PlanPath } from '../plan/plan.ts'
import type { PlanPart } from './project.ts'

/*
 * The text of a plan as a tree, so that a value of the plan can be traced to where it was written. Only what can be read off
 * one file is followed: literals, `definePlan(...)`, `as`, `satisfies`, consts of the same file, their members and spreads.
 */

export interface PlanSource {
  locate(path: PlanPath, part?: PlanPart): Location
  /** The text literally written at a path. */
  textAt(path: PlanPath): string | undefined
  /** Every `import ... from '<specifier>'` with its place. */
  imports: readonly { specifier: string; where: Location }[]
}

/** Where the text stops being TypeScript, and why. */
export class SyntaxProblem extends Error {
  readonly where: Location

  constructor(message: string, where: Location) {
    super(message)
    this.where = where
  }
}

const TypeScriptParser = Parser.extend(tsPlugin())

/** @throws SyntaxProblem */
export function parsePlanSource(file: string, text: string): PlanSource {
  const program = parse(file, text)
  const place = (node: Node): Location => {
    const start = node.loc?.start
    return start ? { file, line: start.line, column: start.column + 1 } : { file }
  }
  const scope = topLevelConsts(program)
  const root = defaultExport(program)
  return {
    locate: (path, part = 'value') => {
      if (!root) return { file }
      const found = descend(root, path, scope)
      return place(part === 'key' && found.complete && found.key ? found.key : found.node)
    },
    textAt: (path) => {
      const found = root && descend(root, path, scope)
      if (!found?.complete) return undefined
      const value = attribute(followed(found.node, scope), 'value')
      return typeof value === 'string' ? value : undefined
    },
    imports: nodesOf(program, 'body').flatMap((statement) => {
      const source = child(statement, 'source')
      const specifier = source && attribute(source, 'value')
      return source && typeof specifier === 'string' ? [{ specifier, where: place(source) }] : []
    }),
  }
}

function parse(file: string, text: string): Node {
  try {
    return TypeScriptParser.parse(text, { ecmaVersion: 'latest', sourceType: 'module', locations: true })
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const loc: unknown = Reflect.get(error, 'loc')
    const line = number(loc, 'line')
    const column = number(loc, 'column')
    const message = error.message.replace(/ \(\d+:\d+\)$/, '')
    throw new SyntaxProblem(
      message,
      line === undefined || column === undefined ? { file } : { file, line, column: column + 1 },
    )
  }
}

type Scope = ReadonlyMap<string, Node>

interface Found {
  node: Node
  /** Name of the entry, when the last step went into an object. */
  key: Node | undefined
  /** Whether the whole path was found; otherwise `node` is the nearest ancestor. */
  complete: boolean
}

function descend(root: Node, path: PlanPath, scope: Scope): Found {
  let found: Found = { node: followed(root, scope), key: undefined, complete: true }
  for (const step of path) {
    const next = enter(followed(found.node, scope), step, scope)
    if (!next) return { ...found, complete: false }
    found = { ...next, complete: true }
  }
  // A const is followed to what it holds only to look inside: the place of `alerts: shared` is the use unless it was entered.
  return found
}

function enter(node: Node, step: string | number, scope: Scope): { node: Node; key: Node | undefined } | undefined {
  if (node.type === 'ArrayExpression') {
    const elements = list(node, 'elements')
    const before = elements.slice(0, Number(step))
    // What a spread contributes cannot be counted here, so that places behind one are not known.
    if (before.some((element) => isNode(element) && element.type === 'SpreadElement')) return undefined
    const element = elements[Number(step)]
    return isNode(element) && element.type !== 'SpreadElement' ? { node: element, key: undefined } : undefined
  }
  if (node.type !== 'ObjectExpression') return undefined
  // Later members win, as they do when the object is made.
  for (const member of nodesOf(node, 'properties').reverse()) {
    if (member.type === 'SpreadElement') {
      const argument = child(member, 'argument')
      const inside = argument && enter(followed(argument, scope), step, scope)
      if (inside) return inside
      continue
    }
    const key = child(member, 'key')
    const value = child(member, 'value')
    if (key && value && keyName(member, key) === String(step)) return { node: value, key }
  }
  return undefined
}

function keyName(member: Node, key: Node): string | undefined {
  const literal = attribute(key, 'value')
  if (typeof literal === 'string' || typeof literal === 'number') return String(literal)
  const name = attribute(key, 'name')
  return attribute(member, 'computed') !== true && typeof name === 'string' ? name : undefined
}

/** The literal behind wrappers and names: `definePlan(x)`, `x as const`, `x satisfies T`, a const, a member of a const. */
function followed(node: Node, scope: Scope, depth = 0): Node {
  if (depth > 50) return node
  const next = stepBehind(node, scope)
  return next ? followed(next, scope, depth + 1) : node
}

function stepBehind(node: Node, scope: Scope): Node | undefined {
  switch (node.type) {
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSNonNullExpression':
    case 'TSTypeAssertion':
    case 'ParenthesizedExpression':
      return child(node, 'expression')
    case 'CallExpression': {
      const callee = child(node, 'callee')
      return callee && attribute(callee, 'name') === 'definePlan' ? nodesOf(node, 'arguments')[0] : undefined
    }
    case 'Identifier': {
      const name = attribute(node, 'name')
      return typeof name === 'string' ? scope.get(name) : undefined
    }
    case 'MemberExpression': {
      const object = child(node, 'object')
      const property = child(node, 'property')
      const step = property && keyName(node, property)
      return object && step !== undefined ? enter(followed(object, scope), step, scope)?.node : undefined
    }
    default:
      return undefined
  }
}

function topLevelConsts(program: Node): Scope {
  const scope = new Map<string, Node>()
  for (const statement of nodesOf(program, 'body')) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? child(statement, 'declaration') : statement
    if (declaration?.type !== 'VariableDeclaration' || attribute(declaration, 'kind') !== 'const') continue
    for (const declarator of nodesOf(declaration, 'declarations')) {
      const id = child(declarator, 'id')
      const init = child(declarator, 'init')
      const name = id && attribute(id, 'name')
      if (init && typeof name === 'string') scope.set(name, init)
    }
  }
  return scope
}

function defaultExport(program: Node): Node | undefined {
  for (const statement of nodesOf(program, 'body')) {
    if (statement.type === 'ExportDefaultDeclaration') return child(statement, 'declaration')
    for (const specifier of nodesOf(statement, 'specifiers')) {
      const exported = child(specifier, 'exported')
      if (specifier.type === 'ExportSpecifier' && exported && attribute(exported, 'name') === 'default') {
        return child(specifier, 'local')
      }
    }
  }
  return undefined
}

// The nodes of TypeScript have no types of their own, so that members are read by name and checked.

function attribute(node: object, name: string): unknown {
  return Reflect.get(node, name)
}

function child(node: Node, name: string): Node | undefined {
  const value = attribute(node, name)
  return isNode(value) ? value : undefined
}

function list(node: Node, name: string): readonly unknown[] {
  const value = attribute(node, name)
  return Array.isArray(value) ? value : []
}

function nodesOf(node: Node, name: string): Node[] {
  return list(node, name).filter(isNode)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof attribute(value, 'type') === 'string'
}

function number(holder: unknown, name: string): number | undefined {
  if (typeof holder !== 'object' || holder === null) return undefined
  const value = attribute(holder, name)
  return typeof value === 'number' ? value : undefined
}
