#!/bin/sh
echo pour
echo more
