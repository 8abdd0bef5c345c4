import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { type Document, htmlDocument, markdownDocument } from './document.ts'

const document: Document = {
  sort: 'Drill report',
  title: 'Shop',
  facts: '2026-02-09',
  blocks: [
    { kind: 'heading', text: 'Steps' },
    {
      kind: 'steps',
      items: [
        { text: 'Restore.', failed: false },
        { text: 'Ask it.', failed: true },
      ],
    },
    {
      kind: 'checklist',
      items: [
        { text: 'report written', ticked: true },
        { text: 'signed', ticked: false },
      ],
    },
    { kind: 'table', columns: ['what', 'measured'], rows: [['time', '6 s']] },
  ],
}

suite('a document', () => {
  test('reads as Markdown', () => {
    assert.equal(
      markdownDocument(document),
      '# Shop\n\nDrill report · 2026-02-09\n\n## Steps\n\n1. Restore.\n2. **failed:** Ask it.\n\n- [x] report written\n- [ ] signed\n\n| what | measured |\n| --- | --- |\n| time | 6 s |\n',
    )
  })

  test('is a page without anything from elsewhere', () => {
    const html = htmlDocument(document)
    assert.match(html, /<li class="failed">Ask it\.<\/li>/)
    assert.doesNotMatch(html, /https?:|<script|<link|<img/)
  })

  test('never lets a text become markup', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const evil = `<img src=x>|\n# ${value}</td>`
        const blocks: Document['blocks'] = [{ kind: 'table', columns: ['a'], rows: [[evil]] }]
        assert.doesNotMatch(htmlDocument({ ...document, title: evil, blocks }), /<img/)
        const [, , , , , , row = ''] = markdownDocument({ ...document, blocks }).split('\n')
        assert.equal(row.replaceAll(/\\./g, '').split('|').length, 3, row)
      }),
    )
  })
})
