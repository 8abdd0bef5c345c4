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
  for (const { table, text } of catalog.policies) {
    const columns = ownership.get(table)?.columns ?? []
    if (columns.length === 0 || !columns.some((column) => text.includes(column))) continue
    for (const [, setting] of text.matchAll(/current_setting\(\s*'([^']+)'/gi)) {
      if (setting === undefined) continue
      if (setting === 'request.jwt.claims')
        identity[setting] = JSON.stringify({ sub: '{{tenant}}', role: '{{role}}', [tenant]: '{{tenant}}' })
      else if (setting === 'request.jwt.claim.sub' || isCompared(text, setting, columns))
        identity[setting] = '{{tenant}}'
    }
  }
  return identity
}

/** Whether a setting stands on the other side of an equals sign than a column of the tenant, casts and brackets aside. */
function isCompared(text: string, setting: string, columns: readonly string[]): boolean {
  const bare = text.replace(/::[a-z ]+(\[\])?/gi, '').replace(/[\s()"]/g, '')
  const at = `(SELECT|NULLIF|ASuid|COALESCE)*current_setting'${setting.replace(/[.]/g, '\\.')}'`
  return columns.some((column) =>
    new RegExp(`${column}=${at}|current_setting'${setting.replace(/[.]/g, '\\.')}'[^=]*=${column}`, 'i').test(bare),
  )
}

/** The settings of one speaker. */
export function spokenFor(identity: Identity, tenant: string, role: string): [string, string][] {
  return Object.entries(identity).map(([setting, text]) => [
    setting,
    text.replaceAll('{{tenant}}', tenant).replaceAll('{{role}}', role),
  ])
}
