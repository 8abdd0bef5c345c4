import { InvalidArgumentError } from 'commander'
import { idBegins } from '../plan/guarantee.ts'

/** What `--only` takes: how ids of guarantees begin, one or several with commas between. */
export function parsePrefixes(text: string): string[] {
  const prefixes = text.split(',').map((each) => each.trim())
  if (prefixes.includes('')) throw new InvalidArgumentError('Name a prefix, or several with commas between.')
  return prefixes
}

/** The first prefix that no id begins with: a slip of the finger must not pass for nothing to do. */
export function unknownPrefix(prefixes: readonly string[], ids: readonly string[]): string | undefined {
  return prefixes.find((prefix) => !ids.some((id) => idBegins(id, [prefix])))
}
