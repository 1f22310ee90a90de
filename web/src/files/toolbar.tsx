import { Link, useNavigate } from '@tanstack/react-router'
import { Cable, Ellipsis, FileSearch, Plus, Trash2, Upload } from 'lucide-react'
import { type DragEvent, Suspense, useState } from 'react'
import type { Server } from '~/api/types'
import { part } from '~/i18n/page'
import { texts } from '~/i18n/texts'
import { Kbd } from '~/ui/bits'
import { Button, buttonClass } from '~/ui/button'
import { SearchInput } from '~/ui/field'
import { Menu, MenuItem } from '~/ui/menu'
import type { Actions } from './actions'
import { Crumbs } from './crumbs'

const t = texts('files')

const SftpDialog = part(() => import('./sftp-dialog'))

/** The head of a folder: where one is, the filter, and what begins here. */
export function Toolbar({
  server,
  path,
  needle,
  phone,
  acts,
  onNeedle,
  onDown,
  onDrop,
}: {
  server: Server
  path: string
  needle: string
  phone: boolean
  acts: Actions
  onNeedle: (needle: string) => void
  /** From the filter into the list; `first` takes its first row. */
  onDown: (first: boolean) => void
  onDrop: (event: DragEvent, folder: string) => void
}) {
  const navigate = useNavigate()
  const [sftp, setSftp] = useState(false)
  const to = '/servers/$server/files' as const
  const params = { server: server.id }
  const views = [
    {
      icon: FileSearch,
      word: t('search_all'),
      search: { view: 'search' as const, ...(path === '/' ? {} : { path }) },
    },
    { icon: Trash2, word: t('trash'), search: { view: 'trash' as const } },
  ]
  const maySftp = server.permissions.includes('file.sftp')
  return (
    <div className="mb-3 flex flex-wrap items-center gap-2">
      <Crumbs server={server.id} path={path} onDrop={onDrop} />
      <span className="flex-1 max-sm:hidden" />
      <SearchInput
        label={t('filter')}
        placeholder={t(phone ? 'filter.short' : 'filter')}
        hint={<Kbd>/</Kbd>}
        className="w-52 max-sm:w-auto max-sm:flex-1"
        value={needle}
        onChange={(event) => onNeedle(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onNeedle('')
          if (event.key !== 'ArrowDown' && event.key !== 'Escape' && event.key !== 'Enter') return
          event.preventDefault()
          onDown(event.key !== 'Escape')
        }}
      />
      {phone ? (
        <Menu
          trigger={
            <Button icon={Ellipsis} iconOnly>
              {t('elsewhere')}
            </Button>
          }
        >
          {views.map(({ icon, word, search }) => (
            <MenuItem key={word} icon={icon} onSelect={() => void navigate({ to, params, search })}>
              {word}
            </MenuItem>
          ))}
          {maySftp && (
            <MenuItem icon={Cable} onSelect={() => setSftp(true)}>
              {t('sftp')}
            </MenuItem>
          )}
        </Menu>
      ) : (
        <>
          {views.map(({ icon: Icon, word, search }) => (
            <Link
              key={word}
              {...{ to, params, search }}
              title={word}
              aria-label={word}
              className={buttonClass('secondary', 'md', false, true)}
            >
              <Icon aria-hidden="true" size={16} strokeWidth={1.75} />
            </Link>
          ))}
          {maySftp && (
            <Button icon={Cable} onClick={() => setSftp(true)}>
              {t('sftp')}
            </Button>
          )}
        </>
      )}
      {acts.upload.off !== false ? (
        <Button icon={Upload} iconOnly={phone} off={acts.upload.off}>
          {t('upload')}
        </Button>
      ) : (
        <Menu
          trigger={
            <Button icon={Upload} iconOnly={phone}>
              {t('upload')}
            </Button>
          }
        >
          {[acts.upload, acts.uploadFolder, acts.fetch].map(({ id, icon, word, run }) => (
            <MenuItem key={id} icon={icon} onSelect={run}>
              {word}
            </MenuItem>
          ))}
        </Menu>
      )}
      <Menu
        trigger={
          <Button look="primary" icon={Plus}>
            {t('new')}
          </Button>
        }
      >
        {[acts.file, acts.folder].map(({ id, icon, word, off, run }) => (
          <MenuItem key={id} icon={icon} off={off} onSelect={run}>
            {word}
          </MenuItem>
        ))}
      </Menu>
      {sftp && (
        <Suspense>
          <SftpDialog server={server.id} open onClose={() => setSftp(false)} />
        </Suspense>
      )}
    </div>
  )
}
