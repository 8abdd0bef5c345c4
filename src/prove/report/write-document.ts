import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Document, htmlDocument, markdownDocument } from './document.ts'
import { replaceFile } from './replace-file.ts'

/**
 * Writes a document as Markdown, as a page, and what it was made from as JSON.
 * @param base path of the files without their endings.
 * @returns the files.
 */
export async function writeDocument(base: string, document: Document, content: unknown): Promise<string[]> {
  await mkdir(dirname(base), { recursive: true })
  const files = [
    [`${base}.md`, markdownDocument(document)],
    [`${base}.html`, htmlDocument(document)],
    [`${base}.json`, `${JSON.stringify(content, null, 2)}\n`],
  ] as const
  for (const [file, text] of files) await replaceFile(file, text)
  return files.map(([file]) => file)
}
