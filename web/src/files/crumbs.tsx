import { Link, useNavigate } from '@tanstack/react-router'
import { ChevronRight, FolderRoot, PencilLine } from 'lucide-react'
import { type DragEvent, type FormEvent, useEffect, useRef, useState } from 'react'
import { texts } from '~/i18n/texts'
import { Button } from '~/ui/button'
import { Input } from '~/ui/field'
import { cx } from '~/util/cx'
import { steps, typedPath } from '~/util/path'
import { visible } from '~/util/visible'

const t = texts('files')

/** A server's root as the game sees it. */
const ROOT = '/home/container'

interface Props {
  server: string
  path: string
  /** The last step, when it is a file. */
  file?: string | undefined
  /** Lets a step take what is dropped on it. */
  onDrop?: (event: DragEvent, folder: string) => void
}

/** The way to a folder; each step can be gone to, dropped on, and the whole typed. */
export function Crumbs({ server, path, file, onDrop }: Props) {
  const [typing, setTyping] = useState(false)
  if (typing) return <TypedPath server={server} path={path} onDone={() => setTyping(false)} />
  const all = [{ name: '', path: '/' }, ...steps(path)]
  return (
    <div className="flex min-h-8 min-w-0 items-center gap-1 max-sm:w-full">
      <nav aria-label={t('folder')} className="min-w-0 overflow-x-auto">
        <ol className="mono flex items-center text-12">
          {all.map((step, n) => (
            <li key={step.path} className="flex shrink-0 items-center">
              {n > 0 && <ChevronRight aria-hidden="true" size={12} className="text-t3" />}
              <Step
                server={server}
                step={step}
                last={n === all.length - 1 && file === undefined}
                onDrop={onDrop}
              />
            </li>
          ))}
          {file !== undefined && (
            <li className="flex shrink-0 items-center">
              <ChevronRight aria-hidden="true" size={12} className="text-t3" />
              <span aria-current="page" className="px-1 text-t1">
                {visible(file)}
              </span>
            </li>
          )}
        </ol>
      </nav>
      <Button size="sm" look="quiet" iconOnly icon={PencilLine} onClick={() => setTyping(true)}>
        {t('path.type')}
      </Button>
    </div>
  )
}

function Step({
  server,
  step,
  last,
  onDrop,
}: {
  server: string
  step: { name: string; path: string }
  last: boolean
  onDrop: Props['onDrop']
}) {
  const [over, setOver] = useState(false)
  return (
    <Link
      to="/servers/$server/files"
      params={{ server }}
      search={step.path === '/' ? {} : { path: step.path }}
      aria-current={last ? 'page' : undefined}
      aria-label={step.name === '' ? t('path.root') : undefined}
      title={step.name === '' ? t('path.root') : undefined}
      draggable={false}
      onDragOver={(event) => {
        if (!onDrop || last) return
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false)
        if (!last) onDrop?.(event, step.path)
      }}
      className={cx(
        'tx flex h-7 items-center rounded-in px-1.5 hover:bg-surface-3 hover:text-t1 max-sm:h-11',
        last ? 'text-t1' : 'text-t2',
        over && 'files-over',
      )}
    >
      {step.name === '' && <FolderRoot aria-hidden="true" size={16} strokeWidth={1.75} />}
      {step.name === '' ? last && <span className="ml-2">{ROOT}</span> : visible(step.name)}
    </Link>
  )
}

function TypedPath({ server, path, onDone }: { server: string; path: string; onDone: () => void }) {
  const navigate = useNavigate()
  const [text, setText] = useState(path)
  const field = useRef<HTMLInputElement>(null)
  const bad = typedPath(text) === undefined
  useEffect(() => {
    field.current?.focus()
    field.current?.select()
  }, [])
  function submit(event: FormEvent) {
    event.preventDefault()
    const to = typedPath(text)
    if (to === undefined) return
    void navigate({
      to: '/servers/$server/files',
      params: { server },
      search: to === '/' ? {} : { path: to },
    })
    onDone()
  }
  return (
    <form onSubmit={submit} className="w-80 max-w-full min-w-0 max-sm:w-full">
      <Input
        ref={field}
        code
        aria-label={t('path.type')}
        aria-invalid={bad || undefined}
        title={bad ? t('path.bad') : undefined}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="none"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onBlur={onDone}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return
          event.stopPropagation()
          onDone()
        }}
      />
    </form>
  )
}
