import { useNavigate, useSearch } from '@tanstack/react-router'
import {
  ArrowDown,
  ChevronDown,
  ChevronUp,
  Clock,
  Download,
  History,
  ListFilter,
  Maximize2,
  Minimize2,
  Search,
  WrapText,
  X,
} from 'lucide-react'
import { type KeyboardEvent, useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { BASE } from '~/api/client'
import type { Server } from '~/api/types'
import { useMedia } from '~/hooks/use-media'
import { texts } from '~/i18n/texts'
import type { ServerLive } from '~/live/live'
import { useLanguage } from '~/stores/language'
import { useDrawnTheme } from '~/stores/theme'
import { toast } from '~/stores/toasts'
import { Mark } from '~/ui/badge'
import { Button } from '~/ui/button'
import { Menu, MenuChoice, MenuItem, MenuLine, MenuSwitch } from '~/ui/menu'
import { Spinner } from '~/ui/spinner'
import { useSlow } from '~/ui/wait'
import { cx } from '~/util/cx'
import { ConsoleInput } from './console-input'
import type { LevelFilter } from './console-paint'
import { ConsoleSearch } from './console-search'
import { ConsoleView } from './console-view'
import './console.css'

const t = texts('console')

const LEVELS: LevelFilter[] = ['all', 'warn', 'error']

export default function Console({ server, live }: { server: Server; live: ServerLive }) {
  const { find } = useSearch({ from: '/app/servers/$server/' })
  const navigate = useNavigate({ from: '/servers/$server' })
  const host = useRef<HTMLDivElement>(null)
  const view = useRef<ConsoleView>(undefined)
  const [pending, setPending] = useState(0)
  const [hits, setHits] = useState<[index: number, count: number]>([-1, 0])
  const [level, setLevel] = useState<LevelFilter>('all')
  const [times, setTimes] = useState(() => localStorage.getItem('warren.console.times') !== 'off')
  const [wrap, setWrap] = useState(() => localStorage.getItem('warren.console.wrap') !== 'off')
  const [wide, setWide] = useState(false)
  const phone = useMedia('(max-width: 639px)')
  const theme = useDrawnTheme()
  const tongue = useLanguage()
  const setFind = (text: string | undefined) =>
    void navigate({ search: (before) => ({ ...before, find: text || undefined }), replace: true })
  const [bar, setBar] = useState(find !== undefined)
  const loadOlder = useCallback(
    () => void live.loadEarlier().catch((error) => toast.error(t('older.failed'), error)),
    [live],
  )

  useEffect(() => {
    if (!host.current) return
    const made = new ConsoleView(host.current, live.log, {
      pending: setPending,
      top: loadOlder,
      fetch: (hole) => void live.fetchHole(hole).catch((error) => toast.error(t('hole.failed'), error)),
      hits: (index, count) => setHits([index, count]),
    })
    view.current = made
    return () => {
      view.current = undefined
      made.dispose()
    }
  }, [live, loadOlder])
  useEffect(() => view.current?.setFilter(level), [level])
  useEffect(() => {
    view.current?.setTimes(times)
    localStorage.setItem('warren.console.times', times ? 'on' : 'off')
  }, [times])
  useEffect(() => {
    view.current?.setWrap(wrap)
    localStorage.setItem('warren.console.wrap', wrap ? 'on' : 'off')
  }, [wrap])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme is read from the page when it changes
  useEffect(() => view.current?.retheme(), [theme])
  // biome-ignore lint/correctness/useExhaustiveDependencies: its words are said anew when the language changes
  useEffect(() => view.current?.retell(), [tongue])
  useEffect(() => view.current?.find(bar ? (find ?? '') : '', false), [find, bar])

  function onKey(event: KeyboardEvent) {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f') {
      event.preventDefault()
      setBar(true)
    } else if (event.key === 'PageUp' || event.key === 'PageDown') {
      event.preventDefault()
      view.current?.scroll(event.key === 'PageUp' ? -1 : 1)
    } else if (event.target instanceof HTMLInputElement) {
      return
    } else if (event.key === 'End') {
      view.current?.toEnd()
    } else if (event.key === 'Home') {
      view.current?.scroll('top')
    }
  }

  return (
    <section
      aria-label={t('title')}
      onKeyDownCapture={onKey}
      className={cx(
        'flex min-h-0 flex-col overflow-hidden rounded-box border border-line bg-term-bg max-sm:rounded-none max-sm:border-x-0 max-sm:border-b-0',
        wide ? 'fixed inset-2 z-(--z-drawer) shadow-float' : 'flex-1',
      )}
    >
      <div className="flex h-10 shrink-0 items-center gap-1 border-b border-line bg-surface pr-1.5 pl-3 max-sm:h-11">
        <LiveMark live={live} server={server} />
        <span className="flex-1" />
        {live.history.loading && <Spinner className="mr-1 text-t3" />}
        <Menu
          trigger={
            <Button size="sm" look="quiet" icon={ListFilter} aria-label={t('levels')}>
              <span className="max-sm:hidden">{t(`level.${level}`)}</span>
            </Button>
          }
        >
          {LEVELS.map((key) => (
            <MenuChoice key={key} checked={level === key} onSelect={() => setLevel(key)}>
              {t(`level.${key}`)}
            </MenuChoice>
          ))}
          {phone && (
            <>
              <MenuLine />
              <MenuSwitch on={times} onSelect={() => setTimes(!times)}>
                {t('times')}
              </MenuSwitch>
              <MenuSwitch on={wrap} onSelect={() => setWrap(!wrap)}>
                {t('wrap')}
              </MenuSwitch>
              <MenuItem icon={History} off={live.history.more ? false : t('older.none')} onSelect={loadOlder}>
                {t('older')}
              </MenuItem>
            </>
          )}
        </Menu>
        <Button size="sm" look="quiet" iconOnly icon={Search} aria-pressed={bar} onClick={() => setBar(!bar)}>
          {t('search')}
        </Button>
        <span className="flex gap-1 max-sm:hidden">
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={Clock}
            aria-pressed={times}
            onClick={() => setTimes(!times)}
          >
            {t('times')}
          </Button>
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={WrapText}
            aria-pressed={wrap}
            onClick={() => setWrap(!wrap)}
          >
            {t('wrap')}
          </Button>
          <Button
            size="sm"
            look="quiet"
            iconOnly
            icon={History}
            off={live.history.more ? false : t('older.none')}
            onClick={loadOlder}
          >
            {t('older')}
          </Button>
        </span>
        <a
          href={`${BASE}/servers/${server.id}/console/download${live.log.run ? `?run=${live.log.run}` : ''}`}
          download={`${server.name}.log`}
          aria-label={t('download')}
          title={t('download')}
          className="tx inline-flex size-7 items-center justify-center rounded-box text-t2 hover:bg-surface-3 hover:text-t1 max-sm:size-11"
        >
          <Download aria-hidden="true" size={16} strokeWidth={1.75} />
        </a>
        <Button
          size="sm"
          look="quiet"
          iconOnly
          icon={wide ? Minimize2 : Maximize2}
          onClick={() => setWide(!wide)}
        >
          {t(wide ? 'smaller' : 'full')}
        </Button>
      </div>
      {bar && (
        <FindBar
          text={find ?? ''}
          hits={hits}
          server={server}
          onText={setFind}
          onStep={(back) => view.current?.find(find ?? '', back)}
          onClose={() => {
            setBar(false)
            setFind(undefined)
          }}
        />
      )}
      <div className="relative min-h-0 flex-1">
        <div
          ref={host}
          className="console-host absolute! inset-0"
          data-times={String(times)}
          data-wrap={String(wrap)}
        />
        <Silence server={server} live={live} />
        {pending > 0 && (
          <button
            type="button"
            onClick={() => view.current?.toEnd()}
            className="num absolute bottom-3 left-1/2 z-10 inline-flex h-8 -translate-x-1/2 items-center gap-1.5 rounded-pill bg-accent-solid pr-3.5 pl-3 font-medium text-on-accent shadow-lift max-sm:right-3 max-sm:left-auto max-sm:h-11 max-sm:translate-x-0"
          >
            <ArrowDown aria-hidden="true" size={14} />
            {t('new_lines', { n: pending })}
          </button>
        )}
      </div>
      <ConsoleInput server={server} live={live} />
    </section>
  )
}

/** An empty console says why. */
function Silence({ server, live }: { server: Server; live: ServerLive }) {
  const empty = useSyncExternalStore(
    (listener) => live.log.subscribe(listener),
    () => live.log.entries.length === 0 && !live.log.open,
  )
  const slow = useSlow(900)
  if (!empty || !slow || live.watch.kind === 'connecting') return null
  const runs = ['running', 'starting', 'stopping'].includes(server.state)
  return (
    <p className="pointer-events-none absolute inset-0 flex items-center justify-center px-6 text-center text-t3">
      {runs ? t('silent') : t('silent_off')}
    </p>
  )
}

function LiveMark({ live, server }: { live: ServerLive; server: Server }) {
  const runs = ['running', 'starting', 'stopping'].includes(server.state)
  const [shape, family, word, note] =
    live.watch.kind === 'live'
      ? server.node.state === 'offline'
        ? (['unreachable', 'warn', t('live.away'), t('live.stored')] as const)
        : runs
          ? (['running', 'run', t('live.on'), server.node.name] as const)
          : (['stopped', 'stop', t('live.off'), ''] as const)
      : live.watch.kind === 'connecting'
        ? (['starting', 'move', t('live.connecting'), ''] as const)
        : (['error', 'fail', t('live.ended'), live.watch.message] as const)
  return (
    <span className="flex min-w-0 items-center gap-1.5 text-12 text-t2">
      <Mark shape={shape} family={family} />
      {word}
      {note && <span className="ml-1.5 truncate text-t3">{note}</span>}
    </span>
  )
}

function FindBar({
  text,
  hits: [index, count],
  server,
  onText,
  onStep,
  onClose,
}: {
  text: string
  hits: [number, number]
  server: Server
  onText: (text: string) => void
  onStep: (back: boolean) => void
  onClose: () => void
}) {
  const [everything, setEverything] = useState(false)
  return (
    <div className="shrink-0 border-b border-line bg-surface">
      <div className="flex flex-wrap items-center gap-2 px-3 py-1.5">
        <input
          aria-label={t('find.label')}
          // biome-ignore lint/a11y/noAutofocus: the bar opens because somebody wants to type into it
          autoFocus
          value={text}
          placeholder={t('find.placeholder')}
          spellCheck={false}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') {
              event.preventDefault()
              onStep(!event.shiftKey)
            } else if (event.key === 'Escape') onClose()
          }}
          className="field h-7! min-w-0 flex-1 rounded-box max-sm:basis-full border border-line-2 bg-ground px-2.5 text-12! outline-none focus:border-focus focus:ring-1 focus:ring-focus max-sm:h-11! max-sm:text-16!"
        />
        <span className="num min-w-16 text-right text-12 text-t3">
          {text === ''
            ? ''
            : count === 0
              ? t('find.none')
              : index >= 0
                ? t('find.at', { index: index + 1, count })
                : count}
        </span>
        <Button size="sm" look="quiet" iconOnly icon={ChevronUp} onClick={() => onStep(true)}>
          {t('find.earlier')}
        </Button>
        <Button size="sm" look="quiet" iconOnly icon={ChevronDown} onClick={() => onStep(false)}>
          {t('find.later')}
        </Button>
        <Button
          size="sm"
          onClick={() => setEverything(!everything)}
          aria-expanded={everything}
          off={text.length < 2 ? t('find.two') : false}
        >
          {t('find.history')}
        </Button>
        <Button size="sm" look="quiet" iconOnly icon={X} onClick={onClose}>
          {t('find.close')}
        </Button>
      </div>
      {everything && text.length >= 2 && <ConsoleSearch server={server.id} text={text} />}
    </div>
  )
}
