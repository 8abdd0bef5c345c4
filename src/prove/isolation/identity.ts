import type { Catalog } from './catalog.ts'
import type { Ownership } from './ownership.ts'

/** Settings that a service sends along before it speaks for a tenant: name to text, in which `{{tenant}}` and `{{role}}` are replaced. */
export type Identity = Readonly<Record<string, string>>

/**
 * How the policies learn who is speaking, read from their expressions and from the functions they call.
 * @returns no settings when none is read that has to do with the tenant.
 */
export function identityOf(catalog: Catalog, ownership: ReadonlyMap<number, Ownership>, tenant: string): Identity {
  const identity: Record<string, string> = {}
  for (const { table, text, calls } of catalog.policies) {
    const columns = ownership.get(table)?.columns ?? []
    if (columns.length === 0 || !columns.some((column) => text.includes(column))) continue
    const asked = catalog.routines.filter(({ oid, name }) => calls.includes(oid) && isCompared(text, name, columns))
    for (const [, setting] of text.matchAll(/current_setting\(\s*'([^']+)'/gi)) {
      if (setting === undefined) continue
      if (setting === 'request.jwt.claims')
        identity[setting] = JSON.stringify({ sub: '{{tenant}}', role: '{{role}}', [tenant]: '{{tenant}}' })
      else if (
        setting === 'request.jwt.claim.sub' ||
        isCompared(text, `current_setting'${setting}'`, columns) ||
        asked.some(({ source }) => source.includes(`'${setting}'`))
      )
        identity[setting] = '{{tenant}}'
    }
  }
  return identity
}

/** Whether a call stands on the other side of an equals sign than a column of the tenant, casts and brackets aside. */
function isCompared(text: string, call: string, columns: readonly string[]): boolean {
  const bare = text.replace(/::[a-z ]+(\[\])?/gi, '').replace(/[\s()"]/g, '')
  const called = call.replace(/[.]/g, '\\.')
  return columns.some((column) =>
    new RegExp(`${column}=(SELECT|NULLIF|ASuid|COALESCE|[a-z_]+\\.)*${called}|${called}[^=]*=${column}`, 'i').test(
      bare,
    ),
  )
}

/** The settings of one speaker. */
export function spokenFor(identity: Identity, tenant: string, role: string): [string, string][] {
  return Object.entries(identity).map(([setting, text]) => [
    setting,
    text.replaceAll('{{tenant}}', tenant).replaceAll('{{role}}', role),
  ])
}
