"""A small project of Django's: accounts and transfers."""

from __future__ import annotations

import django
from django.conf import settings

if not settings.configured:
    settings.configure(USE_TZ=True, DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/nowhere/real.db"}})
django.setup()

from django.db import models


class Account(models.Model):
    name = models.CharField(max_length=20, primary_key=True)
    balance = models.BigIntegerField()

    class Meta:
        app_label = "bank"


class Transfer(models.Model):
    key = models.CharField(max_length=20, primary_key=True)
    what = models.CharField(max_length=80)
    done = models.BooleanField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bank"
