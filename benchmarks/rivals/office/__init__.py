"""The one app of the Django project that benchmarks/rivals/django_admin.py makes."""
