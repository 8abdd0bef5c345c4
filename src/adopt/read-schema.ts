import type { Node } from 'libpg-query'
import type { Statement } from '../postgres/migrations/statement.ts'
import { policyColumns } from './policy-columns.ts'

/** What the text of the migrations tells of a schema. Nothing of it was run. */
export interface SchemaTraits {
  tables: ReadonlyMap<string, ReadonlySet<string>>
  /** Tables for which row security is switched on. */
  guarded: ReadonlySet<string>
  /** Extensions that are asked for, and whether one that is there already is an error. */
  extensions: ReadonlyMap<string, { guarded: boolean }>
  /** Roles that something is granted to, or that own something. */
  rolesUsed: ReadonlySet<string>
  /** Roles that something is made to belong to. */
  owners: ReadonlySet<string>
  /** Roles that the migrations make, and whether they bear one that is there already. */
  rolesMade: ReadonlyMap<string, { guarded: boolean }>
  /** Columns that policies hold against who is speaking, and the tables where they do. */
  held: ReadonlyMap<string, ReadonlySet<string>>
  /** Whether it leans on what Supabase brings. */
  supabase: boolean
}

const supabaseMarks =
  /\bauth\.(uid|jwt|role|email|users)\b|\bstorage\.(objects|buckets)\b|\b(anon|authenticated|service_role)\b/i

/** Reads a schema off the statements of its migrations, in their order. */
export function readSchema(statements: readonly Statement[]): SchemaTraits {
  const tables = new Map<string, Set<string>>()
  const guarded = new Set<string>()
  const extensions = new Map<string, { guarded: boolean }>()
  const rolesUsed = new Set<string>()
  const owners = new Set<string>()
  const rolesMade = new Map<string, { guarded: boolean }>()
  const held = new Map<string, Set<string>>()
  let supabase = false
  for (const { node, text } of statements) {
    supabase ||= supabaseMarks.test(text)
    if (node === undefined) continue
    if ('CreateStmt' in node) {
      const { relation, tableElts = [] } = node.CreateStmt
      if (relation?.relname !== undefined) tables.set(relation.relname, new Set(tableElts.flatMap(columnName)))
    } else if ('AlterTableStmt' in node) {
      const { relation, cmds = [] } = node.AlterTableStmt
      for (const command of cmds) {
        if (!('AlterTableCmd' in command) || relation?.relname === undefined) continue
        const { subtype, def, newowner } = command.AlterTableCmd
        if (subtype === 'AT_EnableRowSecurity') guarded.add(relation.relname)
        if (subtype === 'AT_AddColumn' && def !== undefined)
          for (const name of columnName(def)) tables.get(relation.relname)?.add(name)
        if (newowner?.rolename !== undefined) owners.add(newowner.rolename)
      }
    } else if ('AlterOwnerStmt' in node) {
      const name = node.AlterOwnerStmt.newowner?.rolename
      if (name !== undefined) owners.add(name)
    } else if ('CreateExtensionStmt' in node) {
      const { extname, if_not_exists } = node.CreateExtensionStmt
      if (extname !== undefined && !extensions.has(extname))
        extensions.set(extname, { guarded: if_not_exists === true })
    } else if ('CreateRoleStmt' in node) {
      const { role } = node.CreateRoleStmt
      if (role !== undefined) rolesMade.set(role, { guarded: false })
    } else if ('DropStmt' in node && node.DropStmt.removeType === 'OBJECT_TABLE') {
      for (const name of droppedNames(node.DropStmt.objects ?? [])) tables.delete(name)
    } else if ('DoStmt' in node) {
      for (const [, name] of text.matchAll(/\bcreate\s+(?:role|user)\s+"?(\w+)/gi))
        if (name !== undefined) rolesMade.set(name, { guarded: /pg_roles|duplicate_object|pg_authid/i.test(text) })
    } else if ('CreatePolicyStmt' in node) {
      const table = node.CreatePolicyStmt.table?.relname ?? ''
      for (const name of policyColumns(node.CreatePolicyStmt)) held.set(name, (held.get(name) ?? new Set()).add(table))
    }
    for (const name of rolesNamed(node)) rolesUsed.add(name)
  }
  return { tables, guarded, extensions, rolesUsed, owners, rolesMade, held, supabase }
}

function columnName(node: Node): string[] {
  return 'ColumnDef' in node && node.ColumnDef.colname !== undefined ? [node.ColumnDef.colname] : []
}

function droppedNames(objects: readonly Node[]): string[] {
  return objects.flatMap((object) => {
    const last = 'List' in object ? object.List.items?.at(-1) : undefined
    return last !== undefined && 'String' in last && last.String.sval !== undefined ? [last.String.sval] : []
  })
}

/** Every role that a statement names, wherever in it. */
function rolesNamed(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(rolesNamed)
  if (typeof value !== 'object' || value === null) return []
  if ('roletype' in value && value.roletype === 'ROLESPEC_CSTRING' && 'rolename' in value)
    return typeof value.rolename === 'string' ? [value.rolename] : []
  return Object.values(value).flatMap(rolesNamed)
}

/** Names by which rows usually say whose they are, the widest first; written as one word, `tenantId` or `tenant_id` alike. */
const usualTenants = [
  ...['tenantid', 'organizationid', 'organisationid', 'orgid', 'workspaceid', 'companyid', 'accountid'],
  ...['teamid', 'customerid', 'clinicid', 'shopid', 'storeid', 'userid', 'ownerid', 'profileid', 'authorid'],
]

/**
 * The column that seems to say whose a row is: one that policies hold against who is speaking, else one with a usual name.
 * @returns candidates, the likeliest first; none where no table has one
 */
export function tenantColumns({ tables, guarded, held }: SchemaTraits): string[] {
  const counted = new Map<string, number>()
  for (const columns of tables.values()) for (const name of columns) counted.set(name, (counted.get(name) ?? 0) + 1)
  const heldBy = (name: string) => held.get(name)?.size ?? 0
  const usual = (name: string) => usualTenants.indexOf(wordOf(name))
  const likely = [...counted.keys()].filter(
    // An `id` is that of the row itself: held, in the table of the people, and nowhere else.
    (name) =>
      usual(name) !== -1 || /^(tenant|org|owner)\w*id$/.test(wordOf(name)) || (name !== 'id' && heldBy(name) > 0),
  )
  const rank = (name: string) => {
    // What most policies hold needs no usual name.
    const place = heldBy(name) * 2 > guarded.size ? 0 : usual(name) === -1 ? 100 : usual(name)
    return (heldBy(name) === 0 ? 10_000 : 0) + place * 10 - (counted.get(name) ?? 0)
  }
  return likely.toSorted((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))
}

function wordOf(name: string): string {
  return name.replaceAll('_', '').toLowerCase()
}
