import '@xterm/xterm/css/xterm.css'
import { FitAddon } from '@xterm/addon-fit'
import { SearchAddon } from '@xterm/addon-search'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { type ITheme, Terminal } from '@xterm/xterm'
import { texts } from '~/i18n/texts'
import { plain, sanitizeOpen } from '~/live/ansi'
import type { ConsoleLog, Entry, HoleEntry } from '~/live/console-log'
import { bytesText, clock } from '~/util/format'
import { ink, type LevelFilter, passes, trueColour } from './console-paint'

const t = texts('console')

const SCROLLBACK = 30_000
/** Without wrapping a row has room for this much, and the view scrolls sideways. */
const UNWRAPPED_COLS = 500
/** Below this many columns: a phone, or a small window. */
const NARROW_COLS = 64
const FONT = '"JetBrains Mono Variable", "JetBrains Mono", ui-monospace, monospace'
/** An unfinished line is shown only after this: mostly its rest is already on the way. */
const OPEN_LINE_MS = 150

function samePlace(a: Entry, b: Entry): boolean {
  if (a.run !== b.run || a.stream !== b.stream || a.kind !== b.kind) return false
  return a.kind === 'hole'
    ? b.kind === 'hole' && a.hole.to === b.hole.to
    : b.kind === 'line' && a.offset === b.offset
}

export interface ViewEvents {
  /** Lines that came while the reader looks at older ones; 0 when at the end. */
  pending(count: number): void
  /** The oldest line is in sight. */
  top(): void
  fetch(hole: HoleEntry): void
  hits(index: number, count: number): void
}

function cssVar(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

function themeNow(): ITheme {
  const ansi = Array.from({ length: 16 }, (_, n) => cssVar(`--ansi-${n}`))
  const [black, red, green, yellow, blue, magenta, cyan, white, ...bright] = ansi
  return {
    // Transparent, so that level tints can lie behind the text; the colour still serves for contrast.
    background: `${cssVar('--term-bg')}00`,
    foreground: cssVar('--term-fg'),
    cursor: cssVar('--term-bg'),
    selectionBackground: cssVar('--term-sel'),
    ...(Object.fromEntries(
      Object.entries({ black, red, green, yellow, blue, magenta, cyan, white }).filter(([, v]) => v),
    ) as ITheme),
    brightBlack: bright[0] ?? '',
    brightRed: bright[1] ?? '',
    brightGreen: bright[2] ?? '',
    brightYellow: bright[3] ?? '',
    brightBlue: bright[4] ?? '',
    brightMagenta: bright[5] ?? '',
    brightCyan: bright[6] ?? '',
    brightWhite: bright[7] ?? '',
    scrollbarSliderBackground: `${cssVar('--line-2')}aa`,
    scrollbarSliderHoverBackground: cssVar('--line-2'),
    scrollbarSliderActiveBackground: cssVar('--line-3'),
  }
}

/** The triangle of a condition that needs a look, as in `Mark`: this layer is drawn without React. */
function warningSign(): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 12 12')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', 'M6 1.8 1.4 10.2h9.2zM6 5v2.2M6 8.8v.1')
  svg.append(path)
  return svg
}

/**
 * A console on screen: xterm for the text, and two layers of ours that move with it, one behind for times and
 * level tints, one in front for holes. Lines are only ever appended, so a row's line is found by counting
 * unwrapped rows up from the bottom.
 */
export class ConsoleView {
  private readonly term: Terminal
  private readonly fit = new FitAddon()
  private readonly search = new SearchAddon()
  private readonly back: HTMLDivElement
  private readonly front: HTMLDivElement
  private readonly reader: HTMLDivElement
  private readonly watcher: ResizeObserver
  private written: Entry[] = []
  private taken = 0
  private revision = -1
  private openText = ''
  private frame = 0
  private openTimer: ReturnType<typeof setTimeout> | undefined
  private readerTimer: ReturnType<typeof setTimeout> | undefined
  private pendingCount = 0
  private atTop = false
  private filter: LevelFilter = 'all'
  private times = true
  private wrap = true
  /** Columns in sight; the terminal has more while lines are not wrapped. */
  private cols = 80
  private accent = '35'
  private busy = false
  private readonly log: ConsoleLog
  private readonly events: ViewEvents
  private readonly stopLog: () => void

  constructor(host: HTMLElement, log: ConsoleLog, events: ViewEvents) {
    this.log = log
    this.events = events
    this.back = document.createElement('div')
    this.back.className = 'console-back'
    this.back.setAttribute('aria-hidden', 'true')
    this.front = document.createElement('div')
    this.front.className = 'console-front'
    this.reader = document.createElement('div')
    this.reader.className = 'sr-only'
    this.reader.setAttribute('role', 'log')

    // A busy game would drown a screen reader: the text is there to be read, not announced.
    this.reader.setAttribute('aria-live', 'off')
    const screen = document.createElement('div')
    screen.className = 'console-screen'
    host.append(this.back, screen, this.front, this.reader)
    const narrow = host.clientWidth < 560
    this.term = new Terminal({
      allowTransparency: true,
      allowProposedApi: true,
      disableStdin: true,
      cursorBlink: false,
      cursorStyle: 'bar',
      cursorInactiveStyle: 'none',
      fontFamily: FONT,
      fontSize: narrow ? 12 : 13,
      fontWeight: 400,
      fontWeightBold: 500,
      lineHeight: narrow ? 1.12 : 1.18,
      drawBoldTextInBrightColors: false,
      minimumContrastRatio: document.documentElement.dataset.theme === 'contrast' ? 7 : 4.5,
      scrollback: SCROLLBACK,
      scrollOnUserInput: false,
      smoothScrollDuration: 0,
      theme: themeNow(),
    })
    this.term.loadAddon(this.fit)
    this.term.loadAddon(this.search)
    this.term.loadAddon(new WebLinksAddon((_event, uri) => window.open(uri, '_blank', 'noopener,noreferrer')))
    this.accent = trueColour(cssVar('--accent'))
    this.term.open(screen)
    // A read-only terminal must not keep Tab, nor Ctrl-K or Ctrl-F that belong to the page.
    this.term.attachCustomKeyEventHandler((event) => !(event.key === 'Tab' || event.ctrlKey || event.metaKey))
    this.label()
    this.term.textarea?.setAttribute('readonly', '')
    this.term.onRender(() => this.decorate())
    this.search.onDidChangeResults(({ resultIndex, resultCount }) => events.hits(resultIndex, resultCount))
    this.watcher = new ResizeObserver(() => this.refit())
    this.watcher.observe(host)
    this.stopLog = log.subscribe(() => this.soon())
    void document.fonts
      .load(`${this.term.options.fontSize}px "JetBrains Mono Variable"`)
      .then(() => this.remeasure())
    this.refit()
    this.soon()
  }

  private label(): void {
    this.reader.setAttribute('aria-label', t('output'))
    this.term.textarea?.setAttribute('aria-label', t('read_only'))
  }

  /** Says all of its words again, in the language of now. */
  retell(): void {
    this.label()
    this.front.replaceChildren()
    this.decorate()
  }

  dispose(): void {
    cancelAnimationFrame(this.frame)
    clearTimeout(this.openTimer)
    clearTimeout(this.readerTimer)
    this.watcher.disconnect()
    this.stopLog()
    this.term.dispose()
    for (const layer of [this.back, this.front, this.reader]) layer.remove()
  }

  retheme(): void {
    this.term.options.theme = themeNow()
    this.term.options.minimumContrastRatio = document.documentElement.dataset.theme === 'contrast' ? 7 : 4.5
    this.accent = trueColour(cssVar('--accent'))
    this.revision = -1
    this.soon()
  }

  setFilter(filter: LevelFilter): void {
    this.filter = filter
    this.revision = -1
    this.soon()
  }

  setTimes(shown: boolean): void {
    this.times = shown
    this.term.element?.closest('.console-host')?.setAttribute('data-times', String(shown))
    this.refit()
    this.decorate()
  }

  setWrap(on: boolean): void {
    if (this.wrap === on) return
    this.wrap = on
    this.term.element?.closest('.console-host')?.setAttribute('data-wrap', String(on))
    this.refit()
    this.revision = -1
    this.soon()
  }

  private get narrow(): boolean {
    return this.wrap && this.cols < NARROW_COLS
  }

  toEnd(): void {
    this.term.scrollToBottom()
    this.note(0)
  }

  /** By pages, or to the oldest line that is loaded. */
  scroll(pages: number | 'top'): void {
    if (pages === 'top') this.term.scrollToTop()
    else this.term.scrollPages(pages)
  }

  find(text: string, back: boolean): void {
    if (text === '') {
      this.search.clearDecorations()
      this.events.hits(-1, 0)
      return
    }
    const hit = cssVar('--term-hit')
    const options = {
      decorations: {
        matchBackground: hit.slice(0, 7),
        matchOverviewRuler: cssVar('--warn-dot'),
        activeMatchBackground: cssVar('--warn-dot'),
        activeMatchColorOverviewRuler: cssVar('--warn-dot'),
      },
    }
    if (back) this.search.findPrevious(text, options)
    else this.search.findNext(text, options)
  }

  /** xterm measures its cell once per font name: the real font may have arrived after that. */
  private remeasure(): void {
    this.term.options.fontFamily = 'monospace'
    this.term.options.fontFamily = FONT
    this.refit()
    this.soon()
  }

  private refit(): void {
    const room = this.fit.proposeDimensions()
    // Not laid out yet; the observer calls again.
    if (!room || !Number.isFinite(room.cols) || !Number.isFinite(room.rows)) return
    // Rows that were filled up to a word's start stand askew in another width.
    if (room.cols !== this.cols && Math.min(room.cols, this.cols) < NARROW_COLS && this.written.length > 0) {
      this.revision = -1
      this.soon()
    }
    this.cols = room.cols
    this.term.resize(this.wrap ? room.cols : Math.max(room.cols, UNWRAPPED_COLS), room.rows)
  }

  private soon(): void {
    if (this.frame) return
    this.frame = requestAnimationFrame(() => {
      this.frame = 0
      this.paint()
    })
  }

  private get following(): boolean {
    const { viewportY, baseY } = this.term.buffer.active
    return viewportY >= baseY
  }

  private paint(): void {
    if (this.busy) return this.soon()
    this.log.settle()
    if (this.log.revision !== this.revision) return this.repaint()
    const fresh = this.log.entries.slice(Math.max(0, this.taken - this.log.forgotten))
    this.taken = this.log.forgotten + this.log.entries.length
    const shown = fresh.filter((entry) => passes(entry, this.filter))
    const followed = this.following
    if (shown.length > 0) {
      const { narrow, cols, accent } = this
      let text = ''
      for (const [at, entry] of shown.entries()) {
        const whole = ink(entry, accent, narrow, cols)
        // The first may be the rest of a line whose beginning already stands there.
        text += at === 0 && this.openText !== '' ? this.closing(entry, whole) : whole
      }
      this.openText = ''
      this.written.push(...shown)
      if (this.written.length > SCROLLBACK * 1.3) this.written = this.written.slice(-SCROLLBACK)
      this.term.write(text, () => {
        if (!followed) this.note(this.pendingCount + shown.length)
        this.decorate()
      })
      this.readSoon()
    }
    this.openSoon()
  }

  private closing(entry: Entry, whole: string): string {
    if (entry.kind === 'line' && entry.text.startsWith(this.openText))
      return `${entry.text.slice(this.openText.length)}\x1b[0m\r\n`
    return `\r\n${whole}`
  }

  private openSoon(): void {
    clearTimeout(this.openTimer)
    if (!this.log.open || this.filter !== 'all') return
    this.openTimer = setTimeout(() => {
      const open = this.log.open
      if (!open || this.busy) return
      const text = sanitizeOpen(open.text)
      if (text.startsWith(this.openText)) this.term.write(text.slice(this.openText.length))
      this.openText = text
    }, OPEN_LINE_MS)
  }

  private repaint(): void {
    const followed = this.following || this.written.length === 0
    const anchor = followed ? undefined : this.lineAt(this.term.buffer.active.viewportY)
    this.revision = this.log.revision
    this.taken = this.log.forgotten + this.log.entries.length
    this.written = this.log.entries.filter((entry) => passes(entry, this.filter)).slice(-SCROLLBACK)
    this.openText = ''
    this.busy = true
    const { narrow, cols, accent } = this
    this.term.reset()
    this.term.write(this.written.map((entry) => ink(entry, accent, narrow, cols)).join(''), () => {
      this.busy = false
      if (followed) this.toEnd()
      else if (anchor) this.term.scrollToLine(this.rowOf(anchor))
      this.decorate()
      this.readSoon()
      this.openSoon()
    })
  }

  private note(count: number): void {
    if (count === this.pendingCount) return
    this.pendingCount = count
    this.events.pending(count)
  }

  /** The row below the last line, where the next will begin. */
  private endRow(): number {
    const buffer = this.term.buffer.active
    let row = buffer.baseY + buffer.cursorY
    while (row > 0 && buffer.getLine(row)?.isWrapped) row -= 1
    return row
  }

  /** The entry whose text stands in a row. */
  private lineAt(row: number): Entry | undefined {
    const buffer = this.term.buffer.active
    let back = 0
    for (let at = this.endRow() - 1; at >= row; at--) if (!buffer.getLine(at)?.isWrapped) back += 1
    if (buffer.getLine(row)?.isWrapped) back += 1
    return this.written[this.written.length - back]
  }

  /** Where a line of before the repaint stands now; known by its place, because a repaint numbers anew. */
  private rowOf(anchor: Entry): number {
    const buffer = this.term.buffer.active
    let index = this.written.length - 1
    for (let at = this.endRow() - 1; at >= 0; at--) {
      if (buffer.getLine(at)?.isWrapped) continue
      const entry = this.written[index]
      if (entry && samePlace(entry, anchor)) return at
      index -= 1
    }
    return 0
  }

  private decorate(): void {
    const buffer = this.term.buffer.active
    const { rows } = this.term
    const screen = this.term.element?.querySelector('.xterm-screen')
    if (!screen || this.busy) return
    const height = screen.clientHeight / rows
    const first = buffer.viewportY
    const end = this.endRow()
    let index = this.written.length
    const marks: Array<{ top: number; entry: Entry; starts: boolean; rows: number }> = []
    let span = 1
    for (let at = end - 1; at >= first; at--) {
      const wrapped = buffer.getLine(at)?.isWrapped ?? false
      if (!wrapped) index -= 1
      if (at < first + rows) {
        if (wrapped && at > first) {
          span += 1
          continue
        }
        const entry = this.written[wrapped ? index - 1 : index]
        if (entry) marks.push({ top: (at - first) * height, entry, starts: !wrapped, rows: span })
      }
      span = 1
    }
    this.drawBack(marks, height)
    this.drawFront(marks, height)
    const top = first === 0 && buffer.baseY > 0
    if (top && !this.atTop) this.events.top()
    this.atTop = top
    if (this.following) this.note(0)
  }

  private drawBack(
    marks: Array<{ top: number; entry: Entry; starts: boolean; rows: number }>,
    height: number,
  ): void {
    const pool = this.back.children
    let used = 0
    for (const { top, entry, starts, rows } of marks) {
      if (entry.kind === 'hole') continue
      let row = pool[used] as HTMLDivElement | undefined
      if (!row) {
        row = document.createElement('div')
        row.append(document.createElement('span'))
        this.back.append(row)
      }
      used += 1
      row.hidden = false
      row.dataset.level = entry.level
      row.style.transform = `translateY(${top}px)`
      row.style.height = `${rows * height}px`
      row.style.lineHeight = `${height}px`
      const time = row.firstChild as HTMLSpanElement
      const text = this.times && starts && entry.at > 0 ? this.clockOf(entry.at) : ''
      if (time.textContent !== text) time.textContent = text
    }
    for (let at = used; at < pool.length; at++) (pool[at] as HTMLElement).hidden = true
  }

  private clockOf(at: number): string {
    const text = clock(at)
    return this.cols < NARROW_COLS ? text.slice(0, 5) : text
  }

  private drawFront(marks: Array<{ top: number; entry: Entry }>, height: number): void {
    const holes = marks.filter((m) => m.entry.kind === 'hole')
    const wanted = new Set(holes.map((m) => String(m.entry.key)))
    for (const child of [...this.front.children] as HTMLElement[])
      if (!wanted.has(child.dataset.key ?? '')) child.remove()
    for (const { top, entry } of holes) {
      let row = this.front.querySelector<HTMLElement>(`[data-key="${entry.key}"]`)
      if (!row) {
        row = this.holeRow(entry as HoleEntry)
        this.front.append(row)
      }
      row.style.transform = `translateY(${top}px)`
      row.style.height = `${height}px`
    }
  }

  private holeRow(entry: HoleEntry): HTMLElement {
    const row = document.createElement('div')
    row.dataset.key = String(entry.key)
    row.className = 'console-hole'
    row.setAttribute('role', 'note')
    const words = document.createElement('span')
    const strong = document.createElement('b')
    strong.textContent = t('hole.lost', { size: bytesText(entry.hole.to - entry.hole.from) })
    const span = document.createElement('span')
    span.className = 'max-sm:hidden'
    span.textContent =
      entry.until > entry.at ? ` · ${t('hole.span', { from: clock(entry.at), to: clock(entry.until) })}` : ''
    words.append(strong, ` · ${t.maybe(`hole_reason.${entry.hole.reason}`) ?? entry.hole.reason}`, span)
    row.append(document.createElement('i'), warningSign(), words)
    if (entry.hole.open) {
      const again = document.createElement('button')
      again.type = 'button'
      again.textContent = t('hole.again')
      again.onclick = () => {
        again.disabled = true
        again.textContent = t('hole.busy')
        this.events.fetch(entry)
      }
      row.append(again)
    }
    row.append(document.createElement('i'))
    return row
  }

  /** The same text for those who do not see the screen, and for tests: the last 200 lines, twice a second. */
  private readSoon(): void {
    this.readerTimer ??= setTimeout(() => {
      this.readerTimer = undefined
      this.reader.textContent = this.written
        .slice(-200)
        .map((entry) =>
          entry.kind === 'line' ? `${entry.level === 'own' ? 'warren ' : ''}${plain(entry.text)}` : '',
        )
        .join('\n')
    }, 400)
  }
}
