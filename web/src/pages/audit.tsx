import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronDown, Download } from 'lucide-react'
import { type AuditNarrow, type AuditSearch, auditQuery, exportHref, narrowOf } from '~/api/audit'
import { AuditList } from '~/components/audit-list'
import { Page, PageHead } from '~/components/page-head'
import { ActionFilter, DaysFilter, Filters, PersonFilter, ServerFilter } from '~/forms/audit-filter'
import { usePermissions } from '~/hooks/use-permissions'
import { texts } from '~/i18n/texts'
import { usePage } from '~/stores/page'
import { Button } from '~/ui/button'
import { Menu, MenuDownload, MenuLabel } from '~/ui/menu'

const t = texts('audit')

/** Who did what on the whole panel. */
export function AuditPage() {
  const search = useSearch({ from: '/app/audit' })
  const navigate = useNavigate({ from: '/audit' })
  const permissions = usePermissions()
  const asked = narrowOf(search)
  const list = useInfiniteQuery({ ...auditQuery(asked), placeholderData: keepPreviousData })
  usePage(t('page'))
  const narrow = (change: { [K in keyof AuditSearch]?: string | undefined }) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true })
  const clear = () => void navigate({ search: {}, replace: true })
  const set = Object.keys(asked).length > 0
  const backwards = search.from !== undefined && search.to !== undefined && search.from > search.to
  return (
    <Page>
      <PageHead title={t('page')}>
        <DownloadMenu asked={asked} />
      </PageHead>
      <p className="mb-4 max-w-180 text-t2">
        {t.rich('about', {
          code: (inner) => <code className="mono text-12 whitespace-nowrap">{inner}</code>,
        })}
      </p>
      <Filters set={set} onClear={clear}>
        <PersonFilter value={search.user} onChange={(user) => narrow({ user })} />
        <ServerFilter value={search.server} onChange={(server) => narrow({ server })} />
        <ActionFilter
          value={search.action}
          permissions={permissions}
          onChange={(action) => narrow({ action })}
        />
        <DaysFilter from={search.from} to={search.to} onChange={narrow} />
      </Filters>
      <AuditList
        list={list}
        permissions={permissions}
        filtered={set}
        onClear={clear}
        why={backwards ? t('backwards') : undefined}
      />
    </Page>
  )
}

/** All that fits the filters, not only what is shown so far. */
function DownloadMenu({ asked }: { asked: AuditNarrow }) {
  return (
    <Menu
      trigger={
        <Button icon={Download}>
          {t('download')}
          <ChevronDown aria-hidden="true" size={14} />
        </Button>
      }
    >
      <MenuLabel>{t(Object.keys(asked).length > 0 ? 'download.fitting' : 'download.all')}</MenuLabel>
      <MenuDownload href={exportHref('csv', asked)} file="audit.csv">
        {t('download.csv')}
      </MenuDownload>
      <MenuDownload href={exportHref('jsonl', asked)} file="audit.jsonl">
        {t('download.jsonl')}
      </MenuDownload>
    </Menu>
  )
}
