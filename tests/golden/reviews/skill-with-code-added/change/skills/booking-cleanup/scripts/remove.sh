#!/bin/sh
psql -c 'delete from doubles'
