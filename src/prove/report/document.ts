import { page, text } from './page.ts'

/** A part of a document that people read, free of any format. */
export type Block =
  | { kind: 'heading'; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'list'; items: readonly string[] }
  | { kind: 'checklist'; items: readonly { text: string; ticked: boolean }[] }
  | { kind: 'steps'; items: readonly { text: string; failed: boolean }[] }
  | { kind: 'table'; columns: readonly string[]; rows: readonly (readonly string[])[] }

export interface Document {
  /** What sort of document it is, in a few words. */
  sort: string
  title: string
  /** One line under the title: when, by what, of which version. */
  facts: string
  blocks: readonly Block[]
}

/** As Markdown, which reads well as it is and in every code host. */
export function markdownDocument({ sort, title, facts, blocks }: Document): string {
  const parts = blocks.map(markdownBlock)
  return `${[`# ${plain(title)}`, plain(`${sort} · ${facts}`), ...parts].join('\n\n')}\n`
}

/** As a page that needs nothing beside itself. */
export function htmlDocument({ sort, title, facts, blocks }: Document): string {
  const parts = blocks.map(htmlBlock)
  return page({
    title,
    header: `<p class="kind">${text(sort)}</p>\n<h1>${text(title)}</h1>\n<p class="facts">${text(facts)}</p>`,
    main: parts.join('\n'),
    footer:
      '<p>A verdict is read from the ledger and nowhere else. <code>aval ledger verify</code> shows whether anybody changed it.</p>',
  })
}

function markdownBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `## ${plain(block.text)}`
    case 'paragraph':
      return plain(block.text)
    case 'list':
      return block.items.map((item) => `- ${plain(item)}`).join('\n')
    case 'checklist':
      return block.items.map((item) => `- [${item.ticked ? 'x' : ' '}] ${plain(item.text)}`).join('\n')
    case 'steps':
      return block.items
        .map((item, index) => `${index + 1}. ${item.failed ? '**failed:** ' : ''}${plain(item.text)}`)
        .join('\n')
    case 'table': {
      const line = (cells: readonly string[]) => `| ${cells.map((cell) => plain(cell)).join(' | ')} |`
      return [line(block.columns), `|${' --- |'.repeat(block.columns.length)}`, ...block.rows.map(line)].join('\n')
    }
  }
}

function htmlBlock(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${text(block.text)}</h2>`
    case 'paragraph':
      return `<p>${text(block.text)}</p>`
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${text(item)}</li>`).join('')}</ul>`
    case 'checklist':
      return `<ul>${block.items.map((item) => `<li>${item.ticked ? '☑' : '☐'} ${text(item.text)}</li>`).join('')}</ul>`
    case 'steps':
      return `<ol>${block.items.map((item) => `<li${item.failed ? ' class="failed"' : ''}>${text(item.text)}</li>`).join('')}</ol>`
    case 'table':
      return `<div class="wide"><table><thead><tr>${block.columns.map((cell) => `<th>${text(cell)}</th>`).join('')}</tr></thead><tbody>${block.rows.map((row) => `<tr>${row.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`).join('')}</tbody></table></div>`
  }
}

/** What would be taken for markup, or would end a cell, is made harmless. */
function plain(value: string): string {
  return value.replace(/\s*\n\s*/g, ' ').replace(/[\\`*_[\]<>|#]/g, (character) => `\\${character}`)
}
