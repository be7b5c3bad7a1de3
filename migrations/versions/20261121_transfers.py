"""Exports and imports.

Revision ID: 5f0c1d9a7e42
Revises: dc3b50d3254e
"""

import sqlalchemy as sa
from alembic import op
from models.base import Moment

revision = '5f0c1d9a7e42'
down_revision = 'dc3b50d3254e'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table('exports',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('type', sa.String(length=60), nullable=False),
    sa.Column('format', sa.String(length=10), nullable=False),
    sa.Column('header', sa.String(length=10), nullable=False),
    sa.Column('question', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('asked_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('asked_at', Moment(), nullable=False),
    sa.Column('language', sa.String(length=5), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=True),
    sa.Column('size', sa.BigInteger(), nullable=False),
    sa.Column('rights', sa.String(length=64), nullable=False),
    sa.Column('finished_at', Moment(), nullable=True),
    sa.Column('expires_at', Moment(), nullable=True),
    sa.Column('error_zh', sa.Text(), nullable=True),
    sa.Column('error_en', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['asked_by_id'], ['users.id'], name=op.f('fk_exports_asked_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_exports'))
    )
    with op.batch_alter_table('exports', schema=None) as batch_op:
        batch_op.create_index('ix_exports_expiry', ['state', 'expires_at'], unique=False)
        batch_op.create_index('ix_exports_mine', ['asked_by_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_exports_sha256'), ['sha256'], unique=False)
    op.create_table('imports',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('type', sa.String(length=60), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('format', sa.String(length=10), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('own', sa.String(length=200), nullable=False),
    sa.Column('columns', sa.JSON(), nullable=False),
    sa.Column('mode', sa.String(length=10), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('asked_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('asked_at', Moment(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('created', sa.Integer(), nullable=False),
    sa.Column('updated', sa.Integer(), nullable=False),
    sa.Column('bad', sa.Integer(), nullable=False),
    sa.Column('finished_at', Moment(), nullable=True),
    sa.Column('file_gone_at', Moment(), nullable=True),
    sa.Column('error_zh', sa.Text(), nullable=True),
    sa.Column('error_en', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['asked_by_id'], ['users.id'], name=op.f('fk_imports_asked_by_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_imports'))
    )
    with op.batch_alter_table('imports', schema=None) as batch_op:
        batch_op.create_index('ix_imports_expiry', ['file_gone_at', 'asked_at'], unique=False)
        batch_op.create_index('ix_imports_mine', ['type', 'asked_by_id', 'id'], unique=False)
        batch_op.create_index(batch_op.f('ix_imports_sha256'), ['sha256'], unique=False)
        batch_op.create_index('uq_imports_file', ['type', 'sha256', 'own'], unique=True, sqlite_where=sa.text("state IN ('importing', 'done', 'undoing')"), postgresql_where=sa.text("state IN ('importing', 'done', 'undoing')"))
    op.create_table('import_problems',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('import_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('field', sa.String(length=200), nullable=False),
    sa.Column('zh', sa.Text(), nullable=False),
    sa.Column('en', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['imports.id'], name=op.f('fk_import_problems_import_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_import_problems'))
    )
    with op.batch_alter_table('import_problems', schema=None) as batch_op:
        batch_op.create_index('ix_import_problems_row', ['import_id', 'place', 'id'], unique=False)
    op.create_table('imported_rows',
    sa.Column('import_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('record_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('is_kept', sa.Boolean(), nullable=False),
    sa.Column('before', sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(['import_id'], ['imports.id'], name=op.f('fk_imported_rows_import_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('import_id', 'place', name=op.f('pk_imported_rows'))
    )


def downgrade():

    op.drop_table('imported_rows')
    with op.batch_alter_table('import_problems', schema=None) as batch_op:
        batch_op.drop_index('ix_import_problems_row')
    op.drop_table('import_problems')
    with op.batch_alter_table('imports', schema=None) as batch_op:
        batch_op.drop_index('uq_imports_file', sqlite_where=sa.text("state IN ('importing', 'done', 'undoing')"), postgresql_where=sa.text("state IN ('importing', 'done', 'undoing')"))
        batch_op.drop_index(batch_op.f('ix_imports_sha256'))
        batch_op.drop_index('ix_imports_mine')
        batch_op.drop_index('ix_imports_expiry')
    op.drop_table('imports')
    with op.batch_alter_table('exports', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_exports_sha256'))
        batch_op.drop_index('ix_exports_mine')
        batch_op.drop_index('ix_exports_expiry')
    op.drop_table('exports')
