import { embeddedExtensions } from '../embedded-extensions.ts'
import type { Rule } from '../rule.ts'
import { suggest } from '../suggest.ts'

export const extensionEmbedded: Rule = {
  id: 'extension-embedded',
  severity: 'error',
  summary: 'Extensions the plan needs are among those of the embedded Postgres, where an environment uses it.',
  check: ({ plan: { database } }) => {
    const environments = Object.entries(database?.servers ?? {}).filter(([, server]) => server === 'embedded')
    if (!database || environments.length === 0) return []
    return database.extensions.flatMap((extension, index) =>
      embeddedExtensions.includes(extension)
        ? []
        : [
            {
              path: ['database', 'extensions', index],
              message: `The embedded Postgres, which is the server of ${environments.map(([name]) => name).join(', ')}, has no extension "${extension}".`,
              fix: suggest(
                extension,
                embeddedExtensions,
                "Move it to optionalExtensions when migrations can do without, or use 'installed'.",
              ).replace(/ Known are:.*$/, ''),
            },
          ],
    )
  },
}
